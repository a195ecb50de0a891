// The channel: its newest messages, those that are new or changed flash. Data is only ever text.

const MOST = 200;
const $ = (id) => document.getElementById(id);

let key = null;
let known = new Map(); // ts -> text, of what is shown
let asked = 0;

export async function show(channel, url, { changed = false } = {}) {
  const mine = ++asked;
  const answer = await fetch(`${url}?first=0&count=${MOST}`);
  if (!answer.ok) return;
  const { kind, messages, total } = await answer.json();
  if (mine !== asked || kind === "gone") return;
  const before = channel === key && changed ? known : null;
  key = channel;
  known = new Map(messages.map((each) => [each.ts, each.text]));
  $("messages").replaceChildren(...messages.reverse().map((each) => draw(each, before)));
  $("messages").lastElementChild?.scrollIntoView({ block: "end" });
  const count = `${total.toLocaleString("en")} message${total === 1 ? "" : "s"}`;
  $("extent").textContent = total > MOST ? `the newest ${MOST} of ${count}` : count;
}

function draw(message, before) {
  const item = document.createElement("li");
  item.dataset.ts = message.ts;
  item.classList.toggle("reply", message.reply);
  item.classList.toggle("fresh", before !== null && before.get(message.ts) !== message.text);
  const told = [new Date(Number(message.ts) * 1000).toLocaleTimeString("en-GB")];
  if (message.reply) told.push("in a thread");
  if (message.edited) told.push("edited");
  if (message.blocks) told.push(`${message.blocks} block${message.blocks === 1 ? "" : "s"}`);
  item.append(line("small", told.join(", ")), line("p", message.text));
  return item;
}

function line(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
