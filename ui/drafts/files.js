/* Takes files that are dropped or pasted anywhere on the page to the prompt field, which by itself takes only what comes down on it. */

const chatInput = () => document.querySelector('[data-testid="stChatInput"]')
// What takes files by itself, and what lies over the page.
const TAKES_FILES = '[data-testid="stChatInput"], [data-testid="stFileUploader"], [data-testid="stDialog"]'
const TYPES_IN = "input, textarea, [contenteditable]:not([contenteditable='false'])"

class Files {
  constructor() {
    addEventListener("drop", event => this.dropped(event), true)
    addEventListener("paste", event => this.pasted(event), true)
  }

  dropped(event) {
    if (!chatInput() || event.target.closest?.(TAKES_FILES)) return
    // A folder looks like a file in the list of files.
    const items = [...(event.dataTransfer?.items ?? [])].filter(item => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory)
    const files = items.map(item => item.getAsFile()).filter(Boolean)
    if (files.length) event.preventDefault()
    this.give(files)
  }

  pasted(event) {
    const target = event.composedPath()[0]
    if (!chatInput() || target.closest?.(TYPES_IN) || document.querySelector('[data-testid="stDialog"]')) return
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length) event.preventDefault()
    this.give(files)
  }

  /* The last one is that of the button; another one is there while something is dragged over the field. */
  give(files) {
    const input = [...(chatInput()?.querySelectorAll("input[type=file]") ?? [])].at(-1)
    if (!files.length || !input || input.disabled) return
    const transfer = new DataTransfer()
    for (const file of files) transfer.items.add(file)
    input.files = transfer.files
    input.dispatchEvent(new Event("change", { bubbles: true }))
    field()?.focus()
  }
}
