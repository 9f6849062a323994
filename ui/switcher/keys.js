/* What the keyboard does on every page beside the quick switcher, and the sheet that says so. The switcher's one listener calls it.
 *
 * Letters act only outside of fields, and can be switched off (WCAG 2.1.4): who dictates, or rests a hand on the keys, writes letters
 * by accident. With Ctrl or ⌘ only keys are taken that no browser has.
 */

const LETTERS_OFF = "chatcore.letters-off"

// Keys of Streamlit, or of a browser, that write or choose where the focus is.
const WRITES = "input, textarea, select, [contenteditable]:not([contenteditable='false']), [role='menu'], [role='listbox'], [role='combobox']"

// How long an answer may be on its way to the page on a slow machine, and how long until the page hears that its prompt has come.
const STOP_MS = 30000
const SENT_MS = 2000

const SHEET = [
  ["n", "New chat"],
  ["j", "Next chat in the list"],
  ["k", "Previous chat in the list"],
  ["/", "Write a prompt"],
  ["Esc", "Leave the prompt field, so that the letters here act"],
  ["e", "Edit your last prompt"],
  ["r", "Regenerate the last answer"],
  ["s", "Stop the answer"],
  ["Ctrl .", "Stop the answer, also while you write"],
  ["Ctrl K", "Find a chat, a message or a page"],
  ["Ctrl /", "This sheet, also while you write"],
  ["?", "This sheet"],
]

const RETRY = ".st-key-thread-retry button, [data-testid='message-retry']"

class Keys {
  constructor(sheet, newChat) {
    this.sheet = sheet
    this.sent = -Infinity
    this.does = {
      n: newChat,
      j: () => this.step(1),
      k: () => this.step(-1),
      "/": () => this.write(),
      e: () => press("[data-testid='message-edit']"),
      r: () => { if (!waitsForVote()) press(RETRY) },
      s: () => this.stop(),
      "?": () => this.open(),
    }
    const rows = SHEET.map(([key, does]) => make("div", { class: "row" },
      make("dt", {}, ...key.split(" ").map(part => make("kbd", {}, part === "Ctrl" && MAC ? "⌘" : part))), make("dd", {}, does)))
    this.letters = make("input", { type: "checkbox", id: "letters" })
    this.letters.addEventListener("change", () => this.switch(this.letters.checked))
    const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "Esc")
    close.addEventListener("click", () => sheet.close())
    sheet.replaceChildren(
      make("div", { class: "head" }, make("h2", { id: "keys-title" }, "Keys"), close),
      make("dl", {}, ...rows),
      make("label", { class: "letters" }, this.letters, "Letters act outside of fields"),
    )
    sheet.addEventListener("pointerdown", event => { if (event.target === sheet) sheet.close() })
  }

  // True if the key was for us.
  pressed(event) {
    if (event.isComposing || event.defaultPrevented || event.altKey) return false
    if (this.sheet.open) return this.inSheet(event)
    if (document.querySelector('[data-testid="stDialog"], [role="menu"]')) return false
    const control = MAC ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey
    if (control) {
      // On many keyboards / is written with Shift.
      if (event.key === "/" || (event.code === "Slash" && !event.shiftKey)) return this.do(event, () => this.open())
      return event.key === "." && !event.shiftKey && this.do(event, () => this.stop())
    }
    if (event.ctrlKey || event.metaKey) return false
    const target = event.composedPath()[0]
    if (event.key === "Enter" && target === field()) this.sent = performance.now()
    if (event.key === "Escape") return this.leave(target)
    if (target.closest?.(WRITES) || this.isOff()) return false
    const act = Object.hasOwn(this.does, event.key) && this.does[event.key]
    return act ? this.do(event, act) : false
  }

  do(event, act) {
    event.preventDefault()
    event.stopPropagation()
    if (!event.repeat) act()
    return true
  }

  inSheet(event) {
    event.stopPropagation()
    if (event.key === "Escape" || event.key === "?") {
      event.preventDefault()
      this.sheet.close()
    }
    return true
  }

  // What the key does elsewhere, such as closing a list, it goes on doing.
  leave(target) {
    if (target === field()) target.blur()
    return false
  }

  open() {
    this.letters.checked = !this.isOff()
    this.sheet.showModal()
  }

  // The key may come before the answer listens for it, even before the page knows of it: it is told as soon as it listens.
  stop(until = performance.now() + STOP_MS) {
    const heard = !window.dispatchEvent(new CustomEvent("chatcore:stop", { cancelable: true })) || press("[class*='st-key-thread-stop'] button")
    const now = performance.now()
    const comes = now - this.sent < SENT_MS || isBusy() || document.querySelector("[class*='st-key-live-place']") !== null
    if (!heard && comes && now < until) setTimeout(() => this.stop(until), 50)
  }

  step(by) { window.dispatchEvent(new CustomEvent("chatcore:chat", { detail: { by } })) }

  write() {
    const box = field()
    box?.focus()
    box?.setSelectionRange(box.value.length, box.value.length)
  }

  isOff() {
    try { return localStorage.getItem(LETTERS_OFF) === "1" } catch { return false }
  }

  switch(on) {
    try {
      if (on) localStorage.removeItem(LETTERS_OFF)
      else localStorage.setItem(LETTERS_OFF, "1")
    } catch { this.letters.checked = !this.isOff() }
  }
}

const field = () => document.querySelector('[data-testid="stChatInput"] textarea')

// Two answers that wait for a vote have no such button: the last one on the page is that of an answer before them.
function waitsForVote() {
  const votes = [...document.querySelectorAll(".st-key-thread [class*='st-key-vote-']")].at(-1)
  const retry = [...document.querySelectorAll(RETRY)].at(-1)
  return Boolean(votes && (!retry || retry.compareDocumentPosition(votes) & Node.DOCUMENT_POSITION_FOLLOWING))
}

const isBusy = () => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== "notRunning"

// The last one on the page, which belongs to the newest message. True if there was one.
function press(selector) {
  const found = [...document.querySelectorAll(selector)].filter(button => !button.disabled)
  found.at(-1)?.click()
  return found.length > 0
}
