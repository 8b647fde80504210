import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'

/** A new secret that a webhook's receiver checks signatures with (Standard Webhooks 1.0, symmetric). */
export const createWebhookSecret = (): string => prefix + randomBytes(32).toString('base64')

/** The value of `webhook-signature`: HMAC-SHA256 of id, time in seconds and body, with a dot between them. */
export function signWebhook(secret: string, message: { id: string; seconds: number; body: string }): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const { id, seconds, body } = message
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}
