// The list of the session page: a table where there is room, two lines a chat where there is not (see table.css).

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".chats");
  if (!root || !data) return;
  const place = places.get(parentElement) ?? {};
  places.set(parentElement, place);
  const { bar, box, refresh } = ticking({ data, place, send: setTriggerValue });

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
      button.onclick = () => setTriggerValue("sort", { column: column.sort });
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
  land(place, data.page, root);

  function line(row) {
    const element = make("tr");
    element.setAttribute("role", "row");
    const first = make("td", "tick");
    first.setAttribute("role", "cell");
    first.append(box(row, element));
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
    const to = link("open", row.href, () => setTriggerValue("open", { chat: row.id }));
    to.textContent = to.title = row.title;
    const parts = [];
    const heading = make("div", "heading");
    if (row.pinned) heading.append(sign("keep", "Pinned", "pin"));
    heading.append(to);
    if (row.running) heading.append(make("span", "running", "writing …"));
    parts.push(heading);
    const below = make("div", "below");
    below.append(...chips(row.chips));
    if (row.snippet) below.append(make("span", "snippet", row.snippet));
    if (below.childElementCount) parts.push(below);
    return parts;
  }
}
