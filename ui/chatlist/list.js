/* The list of chats. Draws `data`, says what was chosen with one trigger, `act`. Everything in it works by keyboard. */

const ICONS = {
  more: "M5 10.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm7 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm7 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  pin: "M9 3h6v1.5l-1 .8v5.2l3 3V15h-4.2v5.2L12 21.5l-.8-1.3V15H7v-1.5l3-3V5.3l-1-.8z",
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  path.setAttribute("d", ICONS[name])
  svg.append(path)
  return svg
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element[name] = value
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children)
  return element
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector("#chats")
  const view = (root._view ??= { menu: null, undo: null })
  const act = action => setTriggerValue("act", action)

  const closeMenu = focus => {
    if (!view.menu) return
    const { panel, button } = view.menu
    panel.remove()
    button.setAttribute("aria-expanded", "false")
    if (focus) button.focus()
    view.menu = null
    document.removeEventListener("pointerdown", view.outside, true)
    window.removeEventListener("resize", view.away)
  }
  // A press in the menu itself is seen here as one on the host of the shadow root: composedPath tells them apart.
  view.outside = event => {
    if (view.menu && !event.composedPath().includes(view.menu.panel) && !event.composedPath().includes(view.menu.button)) closeMenu(false)
  }
  view.away = () => closeMenu(false)

  const openMenu = (chat, row, button) => {
    const again = view.menu?.button === button
    closeMenu(false)
    if (again) return
    const choose = run => () => { closeMenu(false); run() }
    const item = (label, run, testid, danger) =>
      make("button", { type: "button", role: "menuitem", class: danger ? "danger" : null, "data-testid": testid, onclick: choose(run) }, label)
    const panel = make("div", { role: "menu", class: "menu", "data-testid": "chat-menu", "aria-label": `Actions for ${chat.title}` },
      item("Rename", () => rename(chat, row), "chat-rename"),
      item(chat.pinned ? "Unpin" : "Pin", () => act({ do: chat.pinned ? "unpin" : "pin", id: chat.id }), "chat-pin"),
      item("Archive", () => act({ do: "archive", id: chat.id }), "chat-archive"),
      item("Delete", () => act({ do: "delete", id: chat.id }), "chat-delete", true),
    )
    panel.onkeydown = event => {
      const items = [...panel.children]
      const at = items.indexOf(parentElement.activeElement)
      const move = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
      if (event.key === "Escape" || event.key === "Tab") { closeMenu(true); if (event.key === "Escape") event.stopPropagation() }
      else if (move !== undefined) { event.preventDefault(); items.at(move % items.length).focus() }
    }
    root.append(panel)
    const box = button.getBoundingClientRect()
    const below = box.bottom + panel.offsetHeight + 8 < window.innerHeight
    panel.style.left = `${Math.max(8, Math.min(box.right - panel.offsetWidth, window.innerWidth - panel.offsetWidth - 8))}px`
    panel.style.top = `${below ? box.bottom + 4 : box.top - panel.offsetHeight - 4}px`
    button.setAttribute("aria-expanded", "true")
    view.menu = { panel, button }
    document.addEventListener("pointerdown", view.outside, true)
    window.addEventListener("resize", view.away)
    panel.firstChild.focus({ preventScroll: true })
  }

  const rename = (chat, row) => {
    const link = row.querySelector("a")
    const field = make("input", { type: "text", value: chat.title, maxlength: 200, "aria-label": "New name", "data-testid": "chat-rename-field" })
    let done = false
    const end = keep => {
      if (done) return
      done = true
      const title = field.value.trim()
      field.replaceWith(link)
      if (!keep || !title || title === chat.title) return
      link.querySelector(".title").textContent = title
      act({ do: "rename", id: chat.id, title })
    }
    field.onkeydown = event => {
      event.stopPropagation()
      if (event.key === "Enter") end(true)
      if (event.key === "Escape") end(false)
    }
    field.onblur = () => end(true)
    link.replaceWith(field)
    field.focus()
    field.select()
  }

  // On a phone the sidebar lies over the page: whoever goes somewhere wants to see it.
  const unveil = () => {
    if (window.innerWidth <= 768) document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
  }
  if (!view.leave) {
    view.sidebar = document.querySelector('[data-testid="stSidebar"]')
    view.leave = event => { if (event.target.closest?.(".st-key-sidebar-new button, [data-testid='stPageLink-NavLink']")) unveil() }
    view.sidebar?.addEventListener("click", view.leave)
  }

  const open = chat => event => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return
    event.preventDefault()
    // Marked at once: the answer of the server takes a tenth of a second.
    root.querySelectorAll(".row.open").forEach(row => { row.classList.remove("open"); row.firstChild.removeAttribute?.("aria-current") })
    event.currentTarget.setAttribute("aria-current", "page")
    event.currentTarget.parentElement.classList.add("open")
    act({ do: "open", id: chat.id })
    unveil()
  }

  const row = chat => {
    const isOpen = chat.id === data.open
    const link = make("a", {
      href: `${data.base}/?c=${chat.id}`, class: "chat", title: chat.title, "aria-current": isOpen ? "page" : null,
      "data-testid": "chat-link", "data-chat": chat.id, onclick: open(chat),
    }, make("span", { class: "title" }, chat.title))
    if (chat.running) link.append(make("span", { class: "running", role: "img", "aria-label": "An answer is being written", "data-testid": "chat-running" }))
    else if (chat.pinned) link.append(make("span", { class: "pin", role: "img", "aria-label": "Pinned" }, icon("pin")))
    const holder = make("li", { class: isOpen ? "row open" : "row", "data-testid": "chat-row" }, link)
    const button = make("button", {
      type: "button", class: "more", "aria-label": `Actions for ${chat.title}`, "aria-haspopup": "menu", "aria-expanded": "false",
      "data-testid": "chat-more", onclick: () => openMenu(chat, holder, button),
    }, icon("more"))
    holder.append(button)
    return holder
  }

  const showUndo = () => {
    if (!data.undo || data.undo.token === view.undo?.token) return
    view.undo?.bar.remove()
    clearTimeout(view.undo?.timer)
    const bar = make("div", { class: "undo", role: "status", "data-testid": "chat-undo" },
      make("span", {}, data.undo.text),
      make("button", { type: "button", "data-testid": "chat-undo-button", onclick: () => { bar.remove(); act({ do: data.undo.do, id: data.undo.id }) } }, "Undo"))
    root.parentNode.append(bar)
    view.undo = { token: data.undo.token, bar, timer: setTimeout(() => bar.remove(), 10_000) }
  }

  if (!root.querySelector("input")) {
    closeMenu(false)
    const nodes = data.groups.map(group => make("section", {},
      make("h2", {}, group.label), make("ul", {}, ...group.chats.map(row))))
    if (!data.groups.length) nodes.push(make("p", { class: "none" }, "Your chats will be listed here."))
    if (data.more) nodes.push(make("button", { type: "button", class: "load", "data-testid": "chat-load-more", onclick: () => act({ do: "more" }) }, "Show older chats"))
    const at = root.scrollTop
    root.replaceChildren(...nodes)
    root.scrollTop = at
  }
  showUndo()

  // The chat on screen tells when its answer ends; of the others, and of a title that comes, only the server knows.
  clearInterval(view.refresh)
  const others = data.groups.some(group => group.chats.some(chat => chat.naming || (chat.running && chat.id !== data.open)))
  if (others) view.refresh = setInterval(() => { if (!document.hidden && !view.menu) act({ do: "refresh" }) }, 3000)

  // The keys j and k (ui/switcher/keys.js): the row below or above the open one; from a new chat the first.
  window.removeEventListener("chatcore:chat", view.step)
  view.step = event => {
    const links = [...root.querySelectorAll("a.chat")]
    const at = links.findIndex(link => link.getAttribute("aria-current") === "page")
    const to = links[at < 0 ? 0 : at + event.detail.by]
    to?.click()
    to?.scrollIntoView({ block: "nearest" })
  }
  window.addEventListener("chatcore:chat", view.step)

  return () => {
    closeMenu(false)
    window.removeEventListener("chatcore:chat", view.step)
    clearTimeout(view.undo?.timer)
    clearInterval(view.refresh)
    view.sidebar?.removeEventListener("click", view.leave)
    view.leave = null
  }
}
