// What the table and the results share: elements, and the bar over what can be ticked (see component.py).
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

const sign = (name, text, className) => {
  const element = make("span", className);
  element.title = text;
  element.append(icon(name), make("span", "unseen", text));
  return element;
};

const checkbox = (label) => {
  const box = make("input");
  box.type = "checkbox";
  box.setAttribute("aria-label", label);
  return box;
};

// Tags, the folder, where a chat lies: small and without a function.
const chips = (found) =>
  found.map(({ text, note, icon: name }) => {
    const element = make("span", "chip");
    element.title = note ?? text;
    if (name) element.append(icon(name), " ");
    element.append(text);
    return element;
  });

// A link that is opened in this browser session; with a key held the browser opens a tab of its own.
const link = (className, href, open) => {
  const element = make("a", className);
  element.href = href;
  element.onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button) return;
    event.preventDefault();
    open();
  };
  return element;
};

// The bar with the count, or with what can be done with the ticked chats. `data.rows` are the chats, each with the verbs
// that would change it; `data.everything`, where it is set, stands for all chats of a search, on this page or not.
const ticking = ({ data, place, send }) => {
  const rows = new Map(data.rows.map((row) => [row.id, row]));
  const boxes = new Map(data.rows.map((row) => [row.id, []]));
  // What is no longer on this page, or was ticked in another list, cannot stay ticked: nobody acts on what they do not see.
  const kept = place.of === data.of ? [...(place.ticked ?? [])] : [];
  place.of = data.of;
  place.ticked = new Set(kept.filter((id) => rows.has(id)));
  const everything = data.everything && data.everything.token !== place.left ? data.everything : null;
  if (everything) place.ticked = new Set(rows.keys());

  const bar = make("div", "bar");
  const all = checkbox("Tick every chat on this page");
  const label = make("label", "all");
  const count = make("span", "count");
  count.setAttribute("aria-live", "polite");
  label.append(all, count);
  const more = make("button", "more", "All chats of this search");
  more.type = "button";
  more.hidden = true;
  more.onclick = () => send("everything", { at: Date.now() });
  const actions = make("div", "actions");
  actions.setAttribute("role", "toolbar");
  actions.setAttribute("aria-label", "What to do with the ticked chats");
  bar.append(label, more, actions);

  const offered = (action, ticked) => {
    if (everything && whole) return everything.verbs.includes(action.verb);
    if (!ticked.length || (action.single && ticked.length !== 1)) return false;
    const can = (row) => row.can.includes(action.verb);
    return action.every ? ticked.every(can) : ticked.some(can);
  };
  let whole = everything !== null;
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
      send("act", whole ? { verb: action.verb, everything: everything.token } : { verb: action.verb, ids });
    };
    actions.append(button);
    return [action, button];
  });

  const refresh = () => {
    const ticked = [...place.ticked].map((id) => rows.get(id));
    for (const [id, found] of boxes)
      for (const [box, line] of found) {
        box.checked = place.ticked.has(id);
        line.classList.toggle("ticked", box.checked);
      }
    all.checked = ticked.length > 0 && ticked.length === rows.size;
    all.indeterminate = ticked.length > 0 && !all.checked;
    count.textContent = whole ? everything.text : ticked.length ? `${ticked.length} ticked` : data.count;
    bar.classList.toggle("busy", ticked.length > 0);
    more.hidden = !data.beyond || whole || !ticked.length;
    for (const [action, button] of buttons) button.hidden = !offered(action, ticked);
  };
  const leave = () => {
    if (whole) place.left = everything.token;
    whole = false;
  };
  const tick = (id, on, range) => {
    leave();
    const ids = [...rows.keys()];
    const from = range && rows.has(place.last) ? ids.indexOf(place.last) : -1;
    const to = ids.indexOf(id);
    const touched = from < 0 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of touched) on ? place.ticked.add(one) : place.ticked.delete(one);
    place.last = id;
    refresh();
  };
  all.onchange = () => {
    leave();
    place.ticked = new Set(all.checked ? rows.keys() : []);
    refresh();
  };

  // A checkbox for a chat; `line` is what is marked when it is ticked.
  const box = (row, line) => {
    const element = checkbox(`Tick ${row.title}`);
    boxes.get(row.id).push([element, line]);
    element.onclick = (event) => tick(row.id, element.checked, event.shiftKey);
    const hit = make("label", "hit");
    hit.append(element);
    return hit;
  };
  return { bar, box, refresh };
};

// Another page begins at its top.
const land = (place, page, root) => {
  if (place.page !== undefined && place.page !== page && root.getBoundingClientRect().top < 0) root.scrollIntoView({ block: "start" });
  place.page = page;
};
