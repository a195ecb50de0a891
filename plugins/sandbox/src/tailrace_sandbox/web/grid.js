// The sheet: only the rows in view are in the page, and cells that change flash.

const ROW = 26;
const MARGIN = 25;
const MOST = 500000;
const GUTTER = 46;
const FRESH = 2400; // milliseconds, as in page.css
const $ = (id) => document.getElementById(id);

let shown = null; // the tab that is shown: {key, url, known: Map(row -> cells), fresh: Map(address -> time), widths, filled}
let chosen = null;
let asked = 0;

export async function show(key, url, { changed = false } = {}) {
  if (shown === null || shown.key !== key) {
    shown = { key, url, known: new Map(), fresh: new Map(), widths: [], filled: 0, total: 0 };
    chosen = null;
    tell("A1", "");
    $("scroll").scrollTop = 0;
    $("scroll").scrollLeft = 0;
    changed = false;
  }
  await load(changed);
}

async function load(changed) {
  const tab = shown;
  const mine = ++asked;
  const scroll = $("scroll");
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - MARGIN);
  const count = Math.ceil(scroll.clientHeight / ROW) + 2 * MARGIN;
  const answer = await fetch(`${tab.url}?first=${first}&count=${count}`);
  if (!answer.ok) return;
  const data = await answer.json();
  if (tab !== shown || mine !== asked || data.kind === "gone") return;
  draw(data, first, count, changed);
}

function draw(data, first, count, changed) {
  const before = shown.filled;
  const [height] = data.size;
  shown.filled = data.filled;
  shown.total = Math.min(height, Math.max(data.filled + 20, Math.ceil($("scroll").clientHeight / ROW)), MOST);
  measure(data);
  drawHead(data.columns);
  const rows = [space(first * ROW, data.columns.length)];
  const end = Math.min(first + count, shown.total);
  for (let row = first; row < end; row++) {
    rows.push(drawRow(row, data, data.rows[row - first] ?? [], changed, before));
  }
  rows.push(space(Math.max(0, shown.total - end) * ROW, data.columns.length));
  $("body").replaceChildren(...rows);
  const [, width] = data.size;
  const most = data.filled > MOST ? `first ${MOST.toLocaleString("en")} of ${data.filled.toLocaleString("en")} rows` : plural(data.filled, "row");
  const cut = data.columns.length < width ? `, columns A to ${data.columns.at(-1)} of ${width}` : "";
  $("extent").textContent = `${most} in a grid of ${height.toLocaleString("en")} × ${width}${cut}`;
}

function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function measure(data) {
  data.columns.forEach((_, column) => {
    let longest = shown.widths[column] ?? 84;
    for (const row of data.rows) {
      const text = row[column]?.[0];
      if (text) longest = Math.max(longest, Math.min(260, text.length * 7.3 + 22));
    }
    shown.widths[column] = longest;
  });
  const cols = [GUTTER, ...shown.widths.slice(0, data.columns.length)].map((width) => {
    const col = document.createElement("col");
    col.style.width = `${width}px`;
    return col;
  });
  $("cols").replaceChildren(...cols);
}

function drawHead(columns) {
  const row = document.createElement("tr");
  for (const name of ["", ...columns]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    row.append(cell);
  }
  $("head").replaceChildren(row);
}

function space(height, columns) {
  const row = document.createElement("tr");
  row.className = "space";
  row.hidden = height === 0;
  const cell = document.createElement("td");
  cell.colSpan = columns + 1;
  cell.style.height = `${height}px`;
  row.append(cell);
  return row;
}

function drawRow(number, data, cells, changed, before) {
  const row = document.createElement("tr");
  if (number < data.frozen) row.className = "frozen";
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = number + 1;
  row.append(head);
  const old = shown.known.get(number) ?? (changed && number >= before ? [] : null);
  const time = performance.now();
  const now = [];
  data.columns.forEach((name, column) => {
    const [text = "", kind = "", formula = ""] = cells[column] ?? [];
    const cell = document.createElement("td");
    cell.textContent = text.length > 300 ? text.slice(0, 300) : text;
    if (kind) cell.classList.add(kind);
    if (formula) cell.classList.add("f");
    const state = `${kind}${formula}\n${text}`;
    now.push(state);
    const at = `${name}${number + 1}`;
    if (old !== null && state !== (old[column] ?? "\n")) shown.fresh.set(at, time);
    const age = time - (shown.fresh.get(at) ?? -FRESH);
    if (age < FRESH) {
      cell.classList.add("fresh");
      cell.style.animationDelay = `-${Math.round(age)}ms`;
    }
    cell.dataset.at = at;
    cell.dataset.text = formula || text;
    if (chosen === cell.dataset.at) choose(cell);
    row.append(cell);
  });
  shown.known.set(number, now);
  return row;
}

function choose(cell) {
  document.querySelector("td.chosen")?.classList.remove("chosen");
  cell.classList.add("chosen");
  chosen = cell.dataset.at;
  tell(chosen, cell.dataset.text);
}

function tell(address, text) {
  $("bar-cell").textContent = address;
  $("bar-text").textContent = text;
}

let scrolling = false;
$("scroll").addEventListener("scroll", () => {
  if (scrolling || shown === null) return;
  scrolling = true;
  requestAnimationFrame(() => {
    scrolling = false;
    load(false);
  });
});
$("grid").addEventListener("click", (event) => {
  const cell = event.target.closest("td[data-at]");
  if (cell) choose(cell);
});
