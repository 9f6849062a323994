// The results of a search: chats by their title, messages under their chats, and beside them what narrows the search.

const MOST_SHOWN = 6;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".chats");
  if (!root || !data) return;
  const place = places.get(parentElement) ?? { open: false, unfolded: new Set() };
  places.set(parentElement, place);
  const { bar, box, refresh } = ticking({ data, place, send: setTriggerValue });
  const rows = new Map(data.rows.map((row) => [row.id, row]));
  const open = (chat, message) => setTriggerValue("open", message ? { chat, message } : { chat });

  const list = make("div", "list");
  if (data.titles.length) list.append(make("h3", "kind", "Chats"), ...data.titles.map(titleLine));
  if (data.groups.length) {
    if (data.titles.length) list.append(make("h3", "kind", "Messages"));
    list.append(...data.groups.map(group));
  }
  // Up and down walk through what can be opened, as in any list.
  list.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(root.getRootNode().activeElement);
    if (at < 0 || !links[at + step]) return;
    event.preventDefault();
    links[at + step].focus();
  };

  const columns = make("div", "columns");
  columns.append(list);
  if (data.facets.length) columns.prepend(...facets());
  refresh();
  root.replaceChildren(bar, columns);
  land(place, data.page, root);

  function marked(element, pieces) {
    element.append(...pieces.map((piece) => (piece.mark ? make("mark", "", piece.text) : piece.text)));
    return element;
  }

  function heading(row, to) {
    const element = make("div", "heading");
    if (row.pinned) element.append(sign("keep", "Pinned", "pin"));
    element.append(to);
    if (row.badge) element.append(make("span", "chip", row.badge));
    element.append(...chips(row.chips));
    return element;
  }

  function titleLine(found) {
    const row = rows.get(found.chat);
    const line = make("div", "line");
    const to = marked(link("open", row.href, () => open(row.id)), found.pieces);
    const facts = make("div", "facts");
    const when = make("span", "", found.when);
    when.title = found.when_note;
    facts.append(make("span", "model", found.facts), when);
    const text = make("div", "text");
    text.append(heading(row, to), facts);
    line.append(box(row, line), text);
    return line;
  }

  function group({ chat, hits }) {
    const row = rows.get(chat);
    const line = make("div", "line");
    const to = link("open", row.href, () => open(row.id));
    to.textContent = row.title;
    const text = make("div", "text");
    text.append(heading(row, to), ...hits.map((hit) => message(row, hit)));
    line.append(box(row, line), text);
    return line;
  }

  function message(row, hit) {
    const to = link("message", hit.href, () => open(row.id, hit.id));
    const facts = make("span", "facts");
    const when = make("span", "", hit.when);
    when.title = hit.when_note;
    facts.append(make("span", "model", hit.who), when);
    to.append(facts, marked(make("span", "snippet"), hit.pieces));
    return to;
  }

  function facets() {
    const chosen = data.facets.flatMap((facet) => facet.values).filter((value) => value.on).length;
    const toggle = make("button", "narrow");
    toggle.type = "button";
    toggle.append(icon("tune"), make("span", "", chosen ? `Narrow down (${chosen})` : "Narrow down"));
    const aside = make("aside", "facets");
    aside.setAttribute("aria-label", "Narrow down");
    const turn = (on) => {
      place.open = on;
      aside.classList.toggle("shown", on);
      toggle.setAttribute("aria-expanded", String(on));
    };
    toggle.onclick = () => turn(!place.open);
    turn(place.open);
    for (const facet of data.facets) {
      aside.append(make("h3", "kind", facet.heading));
      const values = make("ul");
      const unfolded = place.unfolded.has(facet.kind);
      const shown = unfolded ? facet.values : facet.values.filter((value, at) => at < MOST_SHOWN || value.on);
      values.append(...shown.map((value) => choice(facet, value)));
      if (shown.length < facet.values.length) {
        const more = make("button", "more", `${facet.values.length - shown.length} more`);
        more.type = "button";
        more.onclick = () => {
          place.unfolded.add(facet.kind);
          const rest = facet.values.filter((value) => !shown.includes(value)).map((value) => choice(facet, value));
          more.parentElement.replaceWith(...rest);
          rest[0].firstChild.focus();
        };
        const item = make("li");
        item.append(more);
        values.append(item);
      }
      aside.append(values);
    }
    if (data.facets_note) aside.append(make("p", "note", data.facets_note));
    return [toggle, aside];
  }

  function choice(facet, value) {
    const item = make("li");
    const button = make("button", value.on ? "value on" : "value");
    button.type = "button";
    button.setAttribute("aria-pressed", String(value.on));
    button.title = value.on ? `No longer only ${value.label}` : `Only ${value.label}`;
    const label = make("span", "name", value.label);
    button.append(...(value.on ? [icon("check")] : []), label, make("span", "number", value.count));
    button.onclick = () => setTriggerValue("facet", { kind: facet.kind, key: value.key });
    item.append(button);
    return item;
  }
}
