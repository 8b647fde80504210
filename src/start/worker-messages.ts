import type { Numbers } from '../metrics.ts'
import type { FailureFacts } from './failure.ts'
import type { ServiceParts } from './service.ts'

/** What a worker serves. It travels in a message: arguments and logs can be read by others. */
export type WorkerParts = Omit<ServiceParts, 'logger'>

/** What the primary says. That it is there no more, or wants the worker to stop, is said by closing the channel. */
export type ToWorker =
  | { readonly kind: 'serve'; readonly parts: WorkerParts }
  | { readonly kind: 'count' }
  | { readonly kind: 'gathered'; readonly numbers: Numbers[] | undefined }

/** What a worker says; first that it listens, because what it is told before that is lost. */
export type ToPrimary =
  | { readonly kind: 'ready' }
  | { readonly kind: 'serving' }
  | { readonly kind: 'failed'; readonly failure: FailureFacts }
  | { readonly kind: 'counted'; readonly numbers: Numbers }
  | { readonly kind: 'gather' }
