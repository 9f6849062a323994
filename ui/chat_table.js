// The list of the session page: a table where there is room, two lines a chat where there is not (see chat_table.css).
// Ticks live here and travel only with an action, so that ticking costs no trip to the server.
// All text is set as textContent: titles are people's and models' words, never markup.

const places = new WeakMap();

const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

const icon = (name) => {
  const element = make("span", "icon", name);
  element.setAttribute("aria-hidden", "true");
  return element;
};

const checkbox = (label) => {
  const box = make("input");
  box.type = "checkbox";
  box.setAttribute("aria-label", label);
  return box;
};

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".chats");
  if (!root || !data) return;
  const place = places.get(parentElement) ?? { ticked: new Set(), last: null };
  places.set(parentElement, place);
  const rows = new Map(data.rows.map((row) => [row.id, row]));
  // What is no longer on this page cannot stay ticked: nobody acts on what they do not see.
  place.ticked = new Set([...place.ticked].filter((id) => rows.has(id)));

  const bar = make("div", "bar");
  const all = checkbox("Tick every chat on this page");
  const label = make("label", "all");
  const count = make("span", "count");
  count.setAttribute("aria-live", "polite");
  label.append(all, count);
  const actions = make("div", "actions");
  actions.setAttribute("role", "toolbar");
  actions.setAttribute("aria-label", "What to do with the ticked chats");
  bar.append(label, actions);

  const boxes = new Map();
  const lines = new Map();
  const offered = (action, ticked) => {
    if (action.single && ticked.length !== 1) return false;
    if (action.pinned === undefined) return true;
    return action.pinned ? ticked.every((row) => row.pinned) : !ticked.every((row) => row.pinned);
  };
  const buttons = data.actions.map((action) => {
    const button = make("button", action.danger ? "action danger" : "action");
    button.type = "button";
    button.title = action.label;
    button.append(icon(action.icon), make("span", "word", action.label));
    button.onclick = () => {
      const ids = [...place.ticked];
      if (!ids.length || actions.inert) return;
      // A second click in the same breath would act twice; the answer of the server draws the bar anew.
      actions.inert = true;
      setTimeout(() => (actions.inert = false), 800);
      setTriggerValue("act", { verb: action.verb, ids });
    };
    actions.append(button);
    return [action, button];
  });

  const refresh = () => {
    const ticked = [...place.ticked].map((id) => rows.get(id));
    for (const [id, box] of boxes) {
      box.checked = place.ticked.has(id);
      lines.get(id).classList.toggle("ticked", box.checked);
    }
    all.checked = ticked.length > 0 && ticked.length === data.rows.length;
    all.indeterminate = ticked.length > 0 && !all.checked;
    count.textContent = ticked.length ? `${ticked.length} ticked` : data.count;
    bar.classList.toggle("busy", ticked.length > 0);
    for (const [action, button] of buttons) button.hidden = !ticked.length || !offered(action, ticked);
  };
  const tick = (id, on, range) => {
    const ids = [...rows.keys()];
    const from = range && place.last !== null ? ids.indexOf(place.last) : -1;
    const to = ids.indexOf(id);
    const touched = from < 0 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of touched) on ? place.ticked.add(one) : place.ticked.delete(one);
    place.last = id;
    refresh();
  };
  all.onchange = () => {
    place.ticked = new Set(all.checked ? rows.keys() : []);
    refresh();
  };

  const table = make("table");
  table.setAttribute("role", "table");
  table.setAttribute("aria-label", data.label);
  const head = make("tr");
  head.setAttribute("role", "row");
  const corner = make("th", "tick");
  corner.append(make("span", "unseen", "Tick"));
  head.append(corner);
  for (const column of data.columns) {
    const cell = make("th", column.name);
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    if (column.sort) {
      const button = make("button", "sort", column.label);
      button.type = "button";
      if (column.direction) {
        cell.setAttribute("aria-sort", column.direction);
        button.append(icon(column.direction === "ascending" ? "arrow_upward" : "arrow_downward"));
      }
      button.onclick = () => setTriggerValue("sort", column.sort);
      cell.append(button);
    } else cell.textContent = column.label;
    head.append(cell);
  }
  const thead = make("thead");
  thead.setAttribute("role", "rowgroup");
  thead.append(head);
  const body = make("tbody");
  body.setAttribute("role", "rowgroup");
  for (const row of data.rows) body.append(line(row));
  table.append(thead, body);
  refresh();
  root.replaceChildren(bar, table);

  function line(row) {
    const element = make("tr");
    element.setAttribute("role", "row");
    lines.set(row.id, element);
    const box = checkbox(`Tick ${row.title}`);
    boxes.set(row.id, box);
    box.onclick = (event) => tick(row.id, box.checked, event.shiftKey);
    const first = make("td", "tick");
    first.setAttribute("role", "cell");
    const hit = make("label", "hit");
    hit.append(box);
    first.append(hit);
    element.append(first);
    for (const column of data.columns) {
      const cell = make("td", column.name);
      cell.setAttribute("role", "cell");
      if (column.name === "title") cell.append(...title(row));
      else {
        cell.textContent = row[column.name];
        const note = row[`${column.name}_note`];
        if (note) cell.title = note;
      }
      element.append(cell);
    }
    return element;
  }

  function title(row) {
    const link = make("a", "open", row.title);
    link.href = row.href;
    link.title = row.title;
    link.onclick = (event) => {
      // A plain click stays in this browser session; with a key held the browser opens a tab of its own.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button) return;
      event.preventDefault();
      setTriggerValue("open", row.id);
    };
    const parts = [];
    const heading = make("div", "heading");
    if (row.pinned) heading.append(mark("keep", "Pinned", "pin"));
    heading.append(link);
    if (row.running) heading.append(make("span", "running", "writing …"));
    parts.push(heading);
    if (row.snippet) parts.push(make("div", "snippet", row.snippet));
    return parts;
  }

  function mark(name, text, className) {
    const element = make("span", className);
    element.title = text;
    element.append(icon(name), make("span", "unseen", text));
    return element;
  }
}
