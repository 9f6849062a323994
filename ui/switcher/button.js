/* The button that opens the quick switcher, with the keys that do the same. */

const MAC = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform)

export default function (component) {
  const button = component.parentElement.querySelector("#search")
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  path.setAttribute("d", "M10.5 4a6.5 6.5 0 1 0 4.1 11.6l4.6 4.6 1.1-1.1-4.6-4.6A6.5 6.5 0 0 0 10.5 4zm0 1.6a4.9 4.9 0 1 1 0 9.8 4.9 4.9 0 0 1 0-9.8z")
  svg.append(path)
  const label = document.createElement("span")
  label.textContent = "Search"
  const keys = document.createElement("kbd")
  keys.textContent = MAC ? "⌘K" : "Ctrl K"
  keys.setAttribute("aria-hidden", "true")
  button.setAttribute("aria-keyshortcuts", MAC ? "Meta+K" : "Control+K")
  button.replaceChildren(svg, label, keys)
  button.onclick = () => {
    window.dispatchEvent(new CustomEvent("chatcore:search"))
    // On a phone the sidebar lies over the page: whoever searches wants to see what is found.
    if (window.innerWidth <= 768) document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
  }
}
