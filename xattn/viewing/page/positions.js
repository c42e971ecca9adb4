"use strict";
// What pictures of positions that are no words have in common: those of graph.js, grid.js, slots.js and time.js.
// A position is a column of the matrix, by words as by pieces.

CanvasPen.prototype.image = function (image, x, y, w, h) {
  this.context.imageSmoothingEnabled = false;
  this.context.drawImage(image, x, y, w, h);
};
SvgPen.prototype.image = function (image, x, y, w, h) {
  this.parts.push(`<image x="${x}" y="${y}" width="${w}" height="${h}" preserveAspectRatio="none" style="image-rendering:pixelated" href='${image.src}'/>`);
};

/** The rows that a picture of one look shows: those that are looked at, or else all. */
const lookers = (m, { rows }) => (rows.length ? rows : Array.from({ length: m.R }, (_, row) => row));
/** What the rows give to every position, and the largest of it. */
function given(m, focus) {
  const rows = lookers(m, focus), values = m.columns.map((_, c) => together(m, rows, [c]));
  return { values, largest: Math.max(0, ...values.map(Math.abs)) };
}
/** The captions, and above the picture whose look it is, and how much of it there is at most. */
function headed(pen, m, at, { ink, soft, focus }, largest) {
  captions(pen, at, ink, soft);
  const who = focus.rows.length ? focus.rows.map((row) => m.rows[row]).join(" + ") : "all rows, their mean";
  pen.text(fitted(who + (largest === undefined ? "" : `: at most ${amount(largest)}`), 12, at.width - 4), 2, at.top - 10, { fill: soft, size: 12 });
}
/** A circle as a path. */
const disc = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
/** Whether gold links one of the rows that are looked at to a position. */
const goldFor = (sentence, m, focus, position) =>
  focus.rows.some((row) => goldAt(sentence, m, row, position));

/** Whether a link is right or wrong; nobody knows where gold says nothing of its row. */
const fate = (sentence, m, row, column) =>
  goldAt(sentence, m, row, column) ? "right" : m.columns.some((_, c) => goldAt(sentence, m, row, c)) ? "wrong" : "";

/** A disc where a single row's link is right or nobody knows, a cross where it is wrong. */
function verdict(pen, sentence, m, focus, theme, where) {
  if (focus.rows.length !== 1 || m.signed) return;
  const column = links(sentence, m)[focus.rows[0]];
  if (column < 0) return;
  const [x, y] = where(column), known = fate(sentence, m, focus.rows[0], column);
  const color = MARKS[theme][known] || "#222", missed = known === "wrong", d = missed ? `M${x - 5} ${y - 5}l10 10M${x + 5} ${y - 5}l-10 10` : disc(x, y, 5);
  pen.path(d, { stroke: theme === "dark" ? "#14151c" : "#fff", width: 6 });
  pen.path(d, missed ? { stroke: color, width: 3 } : { fill: color });
}

/** Room for a title, the name of what is shown, and the body's own notes below it. */
function framed({ room, ...said }, body) {
  const width = Math.floor(Math.max(240, room - 2)), captions = captioned({ ...said, notes: body.notes }, width);
  const top = captions.head.length * 17 + 26, height = body.height(width);
  return { ...captions, width, top, footTop: top + height + 6, height: top + height + 12 + 15 * captions.foot.length, body: height };
}

const decoded = new Map();
/** An image of the page's data, once it can be drawn. */
async function loaded(uri) {
  if (!decoded.has(uri)) decoded.set(uri, make("img", { src: uri }));
  await decoded.get(uri).decode();
}
