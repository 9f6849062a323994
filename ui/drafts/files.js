/* Takes files that are dropped or pasted anywhere on the page to the prompt field, which by itself takes only what comes down on it.
 *
 * And does not let a prompt go without a file that could not be taken: Streamlit marks that one red, and sends the rest. */

const chatInput = () => document.querySelector('[data-testid="stChatInput"]')
// What takes files by itself, and what lies over the page.
const TAKES_FILES = '[data-testid="stChatInput"], [data-testid="stFileUploader"], [data-testid="stDialog"]'
const TYPES_IN = "input, textarea, [contenteditable]:not([contenteditable='false'])"

const REFUSED = '[data-testid="stChatInput"] [data-testid="stFileChip"][aria-invalid="true"]'
const SUBMIT = '[data-testid="stChatInputSubmitButton"]'

class Files {
  constructor() {
    addEventListener("drop", event => this.dropped(event), true)
    addEventListener("paste", event => this.pasted(event), true)
    addEventListener("keydown", event => { if (event.key === "Enter" && !event.shiftKey && event.target === field()) this.send(event) }, true)
    addEventListener("click", event => { if (event.target.closest?.(SUBMIT)) this.send(event) }, true)
  }

  /* With a file that was refused nothing is sent, and why is said over the field until it is taken out. */
  send(event) {
    const [chip] = document.querySelectorAll(REFUSED)
    if (!chip || event.isComposing) return
    event.preventDefault()
    event.stopImmediatePropagation()
    const name = chip.querySelector('[data-testid="stFileChipName"]')?.textContent ?? "A file"
    const most = chip.textContent.match(/must be (\S+) or smaller/)?.[1]
    const reason = most ? `is larger than ${most}` : "could not be sent to the server"
    this.say(`${name} ${reason}, so nothing was sent. Take it out, then send again.`)
  }

  say(sentence) {
    this.note?.remove()
    this.note = document.createElement("p")
    this.note.setAttribute("role", "alert")
    this.note.dataset.testid = "file-refused"
    this.note.style.cssText = "margin: 0 0 0.5rem; font-weight: 600"
    this.note.textContent = sentence
    chatInput().before(this.note)
    clearInterval(this.looking)
    this.looking = setInterval(() => {
      if (document.querySelector(REFUSED)) return
      clearInterval(this.looking)
      this.note.remove()
    }, 300)
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
