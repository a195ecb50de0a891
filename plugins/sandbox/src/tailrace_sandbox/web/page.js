// The page: what the twins hold, what is shown of it, and what arrives. Data is only ever text.

import { show as showGrid } from "./grid.js";
import { show as showMessages } from "./messages.js";

const $ = (id) => document.getElementById(id);
const MOST_LINES = 300;
const READS = /:(search|\w*get\w*)$|^\/v1\/(search|data_sources\/[^/]+\/query)$|^\/api\/(auth\.test|users\.|conversations\.(list|info|history|replies))/i;
const renderers = {
  sheets: showSheet,
  http: showSheet,
  slack: showSheet,
  hubspot: showSheet,
  notion: showSheet,
  salesforce: showSheet,
  stripe: showSheet,
};

let twins = [];
let chosen = null; // {twin, thing, part}
let byHand = false;
let last = 0;
let version = -1;
let filter = "all";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function refresh() {
  const answer = await fetch(`/page/state?since=${last}`);
  const state = await answer.json();
  const changed = version >= 0 && state.version !== version;
  version = state.version;
  twins = state.twins;
  drawCounts(state.counts);
  if ((state.counts.requests ?? 0) < $("lines").childElementCount) $("lines").replaceChildren();
  state.log.forEach(addLine);
  settle();
  drawThings();
  await drawChosen(changed);
}

function drawCounts(counts) {
  $("count-requests").textContent = (counts.requests ?? 0).toLocaleString("en");
  $("count-bytes").textContent = size(counts.bytes ?? 0);
  for (const name of ["refused", "faults"]) {
    const count = counts[name] ?? 0;
    $(`count-${name}`).textContent = count.toLocaleString("en");
    $(`count-${name}`).classList.toggle("warn", count > 0);
  }
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function things() {
  return twins.flatMap((twin) => twin.things.map((thing) => ({ twin: twin.name, thing })));
}

function settle() {
  const all = things();
  const found = chosen && all.find((entry) => entry.twin === chosen.twin && entry.thing.id === chosen.thing);
  if (found && (byHand || found === all[0])) {
    if (!found.thing.parts.some((part) => part.id === chosen.part)) chosen.part = found.thing.parts[0]?.id;
    return;
  }
  byHand = false;
  chosen = all.length ? { twin: all[0].twin, thing: all[0].thing.id, part: all[0].thing.parts[0]?.id } : null;
}

function choose(twin, thing, part) {
  chosen = { twin, thing, part };
  byHand = true;
  drawThings();
  drawChosen(false);
}

function drawThings() {
  const parts = twins.flatMap((twin) => {
    const title = element("h2", "", twin.title);
    if (!twin.things.length) return [title, element("p", "quiet", "Empty so far.")];
    return [title, ...twin.things.map((thing) => drawThing(twin, thing))];
  });
  const focused = document.activeElement?.dataset?.thing;
  $("things").replaceChildren(...parts);
  if (focused) document.querySelector(`[data-thing="${CSS.escape(focused)}"]`)?.focus();
}

function drawThing(twin, thing) {
  const button = element("button", "thing");
  button.type = "button";
  button.dataset.thing = thing.id;
  const tabs = thing.parts.map((part) => part.title).join(", ");
  button.append(element("b", "", thing.title), element("small", "", tabs));
  const current = chosen !== null && chosen.twin === twin.name && chosen.thing === thing.id;
  button.setAttribute("aria-current", current);
  button.addEventListener("click", () => choose(twin.name, thing.id, thing.parts[0]?.id));
  return button;
}

async function drawChosen(changed) {
  $("empty").hidden = chosen !== null;
  $("sheet").hidden = chosen === null;
  if (chosen === null) return;
  const { thing } = things().find((entry) => entry.twin === chosen.twin && entry.thing.id === chosen.thing);
  await renderers[chosen.twin](chosen, thing, changed);
}

async function showSheet({ twin, thing: id, part }, thing, changed) {
  $("sheet-title").textContent = thing.title;
  $("sheet-id").textContent = id;
  const tabs = thing.parts.map((each) => {
    const button = element("button", "", each.title);
    button.type = "button";
    button.role = "tab";
    button.setAttribute("aria-selected", each.id === part);
    button.addEventListener("click", () => choose(twin, id, each.id));
    return button;
  });
  $("tabs").replaceChildren(...tabs);
  const path = [twin, id, part].map(encodeURIComponent).join("/");
  const talk = twin === "slack";
  $("messages").hidden = !talk;
  for (const name of ["bar", "scroll"]) $(name).hidden = talk;
  const show = talk ? showMessages : showGrid;
  await show(path, `/page/look/${path}`, { changed });
}

function addLine(entry) {
  if (entry.number <= last) return;
  last = entry.number;
  const item = element("li");
  const writes = !isRead(entry);
  item.dataset.writes = writes;
  item.dataset.trouble = entry.fault !== null || entry.status === null || entry.status >= 400;
  const line = element("button", "line");
  line.type = "button";
  line.setAttribute("aria-expanded", "false");
  const kind = entry.method === "DELETE" ? "method delete" : writes ? "method write" : "method";
  const path = element("span", "path", brief(entry.path));
  path.title = entry.path;
  const more = element("span", "more");
  more.append(element("span", "", clock(entry.at)), element("span", "", `${(entry.seconds * 1000).toFixed(1)} ms`));
  if (entry.bytes) more.append(element("span", "", size(entry.bytes)));
  if (entry.fault) more.append(element("span", "fault", entry.fault.replaceAll("_", " ")));
  line.append(element("span", kind, entry.method), path, drawStatus(entry.status), more);
  line.addEventListener("click", () => toggle(item, line, entry.number));
  item.append(line);
  item.hidden = !passes(item);
  $("lines").prepend(item);
  while ($("lines").childElementCount > MOST_LINES) $("lines").lastElementChild.remove();
  $("log-empty").hidden = true;
}

function isRead(entry) {
  return entry.method === "GET" || READS.test(entry.path);
}

function brief(path) {
  const short = path.replace(/^\/v4\/spreadsheets\/[^/:]+\/?/, "").replace(/^\/v4\/spreadsheets$/, "create spreadsheet");
  return (short || "spreadsheet").replace(/^values\//, "").replace(/^\/drive\/v3\//, "drive ").replace(/^\/api\//, "").replace(/^:/, "");
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

function drawStatus(status) {
  if (status === null) return element("span", "status broken", "none");
  const kind = status < 400 ? "status" : status < 500 ? "status refused" : "status broken";
  return element("span", kind, status);
}

async function toggle(item, line, number) {
  const open = item.querySelector(".detail");
  line.setAttribute("aria-expanded", open === null);
  if (open) {
    open.remove();
    return;
  }
  const answer = await fetch(`/page/exchange/${number}`);
  if (!answer.ok) return;
  const found = await answer.json();
  const detail = element("div", "detail");
  const query = Object.entries(found.query).flatMap(([name, values]) => values.map((value) => `${name}=${value}`));
  section(detail, "Path", [found.path, ...query].join("\n"));
  section(detail, "Request", pretty(found.body));
  section(detail, found.status === null ? "Answer (the client never got it)" : "Answer", pretty(found.answer));
  item.append(detail);
}

function section(where, title, text) {
  if (text) where.append(element("h3", "", title), element("pre", "", text));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

function passes(item) {
  return filter === "all" || item.dataset[filter] === "true";
}

$("filter").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  filter = button.dataset.filter;
  for (const each of $("filter").children) each.setAttribute("aria-pressed", each === button);
  for (const item of $("lines").children) item.hidden = !passes(item);
});

const base = `${location.origin}/sheets`;
$("empty-toml").textContent = `[sync.people.destination]\nplugin = "sheets"\nbase_url = "${base}"\nspreadsheet = "…"\ntab = "People"`;
$("empty-curl").textContent = `curl ${base}/v4/spreadsheets \\\n  --json '{"properties": {"title": "People"}}'`;

let busy = false;
let again = false;

async function update() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      await refresh();
    } while (again);
  } catch {
    live(false);
  } finally {
    busy = false;
  }
}

function live(on) {
  $("live").textContent = on ? "live" : "the sandbox has stopped";
  $("live").classList.toggle("on", on);
}

const events = new EventSource("/page/events");
events.addEventListener("open", () => live(true));
events.addEventListener("message", update);
events.addEventListener("error", () => live(false));
