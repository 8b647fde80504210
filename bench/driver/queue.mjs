/** First in, first out, without moving what is left: Array.shift on a long array does. */
export class Queue {
  #items
  #head = 0

  constructor(items) {
    this.#items = items
  }

  get length() {
    return this.#items.length - this.#head
  }

  push(item) {
    this.#items.push(item)
  }

  shift() {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head > 50_000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
