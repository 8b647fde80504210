import { express } from './express.ts'
import { native } from './native.ts'
import { next } from './next.ts'
import type { Preset } from './preset.ts'
import { service } from './service.ts'
import { spa } from './spa.ts'

export const presets: Readonly<Record<string, Preset>> = { express, next, spa, native, service }
