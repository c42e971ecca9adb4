// All settings of the view, stored in the hash of the URL, so that a link restores the view.

const $ = (id) => document.getElementById(id);
const integer = (least, most) => (text) => (/^-?\d+$/.test(text) && +text >= least && +text <= most ? +text : undefined);
const among = (...values) => (text) => (values.includes(text) ? text : undefined);
const place = (text) => {
  const parts = /^(\d*),(\d*)$/.exec(text);
  return parts ? { row: parts[1] ? +parts[1] : null, column: parts[2] ? +parts[2] : null } : undefined;
};

const several = (text) => {
  if (!/^[\d.]*,[\d.]*$/.test(text)) return undefined;
  const [rows, columns] = text.split(",").map((part) => part.split(".").filter(Boolean).map(Number));
  return { rows, columns };
};

const NOWHERE = { row: null, column: null }, NOTHING = { rows: [], columns: [] };
const DRAWN = [], STARTED = []; // functions to call on drawing and on start, of scripts that only some pages have
const SHAPE = DATA.sentences[0];
const CHOICES = {
  layer: [...Array(SHAPE.layers).keys()],
  head: DATA.single ? ["mean"] : [...Array(SHAPE.heads).keys(), "mean"],
  unit: ["words", "pieces"],
  rows: DATA.conventions,
  view: ["both", "heatmap", SECOND.name],
  scale: ["auto", "absolute", "row", "map", "sqrt"],
};
// Where no target is a text, the page has one row convention and does not name it.
const hasConvention = DATA.conventions.length > 1;
const OPTIONS = {
  sentence: { key: "i", read: integer(0, DATA.sentences.length - 1), first: 0 },
  map: { key: "a", read: integer(0, DATA.names.length - 1), first: DATA.names.length - 1 },
  other: { key: "b", read: integer(-1, DATA.names.length - 1), first: -1 }, // -1: compare with nothing
  layer: { key: "l", read: integer(0, SHAPE.layers - 1), first: DATA.readout.layer },
  head: { key: "h", read: (text) => (text === "mean" ? text : integer(0, SHAPE.heads - 1)(text)), first: DATA.readout.head },
  unit: { key: "u", read: among(...CHOICES.unit), first: "words" },
  rows: { key: "r", read: among(...CHOICES.rows), first: DATA.readout.convention },
  view: { key: "v", read: among(...CHOICES.view), first: "both" },
  scale: { key: "k", read: among(...CHOICES.scale), first: DATA.scale },
  marks: { key: "g", read: integer(0, 1), first: 1 },
  zoom: { key: "z", read: integer(-4, 8), first: 0 },
  mirror: { key: "d", read: among("auto", "ltr", "rtl"), first: "auto" },
  pin: { key: "p", read: place, first: NOWHERE },
  picked: { key: "m", read: several, first: NOTHING }, // several tokens, read together; never together with a pin
  step: { key: "t", read: integer(-1, 1e6), first: -1 },
  theme: { key: "c", read: among("auto", "light", "dark"), first: "auto" },
  sort: { key: "s", read: among(...["order", "length", "aer", "entropy"].flatMap((name) => [name, `-${name}`])), first: "order" },
};
const written = (value) => (typeof value === "object" ? Object.values(value).map((each) => [each].flat().join(".")).join() : String(value));

/** The state of a hash; missing and invalid settings have their initial values. */
function fromHash(hash) {
  const said = new Map(hash.replace(/^#/, "").split("&").map((pair) => pair.split("=").map(decodeURIComponent)));
  return Object.fromEntries(Object.entries(OPTIONS).map(([name, { key, read, first }]) => {
    const value = said.has(key) ? read(said.get(key) || "") : undefined;
    return [name, value === undefined ? first : value];
  }));
}
const toHash = (state) => "#" + Object.entries(OPTIONS)
  .filter(([name, { first }]) => written(state[name]) !== written(first))
  .map(([name, { key }]) => `${key}=${encodeURIComponent(written(state[name]))}`).join("&");

/** An element with properties and children. Strings become text, never markup. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function button(properties, act, ...children) {
  const made = make("button", { type: "button", ...properties }, ...children);
  made.addEventListener("click", act);
  return made;
}
const on = (id, event, act) => $(id).addEventListener(event, act);

/** Calls `tick` repeatedly until it returns false; the button starts and stops it. */
function player(button, tick) {
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; button.textContent = "▶"; };
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "❚❚";
    tick(true);
    timer = setInterval(() => tick(false) || stop(), 900);
  });
  return stop;
}

function save(name, content) {
  const link = make("a", { download: name, href: URL.createObjectURL(content) });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
