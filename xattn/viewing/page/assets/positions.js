// Parts that graph.js, grid.js, slots.js and time.js share. A position is a column of the matrix, by words and by pieces.

CanvasPen.prototype.image = function (image, x, y, w, h) {
  this.context.imageSmoothingEnabled = false;
  this.context.drawImage(image, x, y, w, h);
};
SvgPen.prototype.image = function (image, x, y, w, h) {
  this.parts.push(`<image x="${x}" y="${y}" width="${w}" height="${h}" preserveAspectRatio="none" style="image-rendering:pixelated" href='${image.src}'/>`);
};

/** The rows whose attention a picture shows: the rows in focus, or all rows without a focus. */
const focusRows = (m, { rows }) => (rows.length ? rows : Array.from({ length: m.R }, (_, row) => row));
/** The attention of these rows to every position, and its largest value. */
function given(m, focus) {
  const rows = focusRows(m, focus), values = m.columns.map((_, c) => together(m, rows, [c]));
  return { values, largest: Math.max(0, ...values.map(Math.abs)) };
}
/** Draws the captions, and above the picture whose attention it shows, with the largest value. */
function headed(pen, m, at, { ink, soft, focus }, largest) {
  captions(pen, at, ink, soft);
  const rows = focus.rows.length ? focus.rows.map((row) => m.rows[row]).join(" + ") : "all rows (mean)";
  const limit = largest === undefined ? "" : `: at most ${amount(largest)}`;
  pen.text(fitted(`attention of ${rows}${limit}`, 12, at.width - 4), 2, at.top - 10, { fill: soft, size: 12 });
}
/** Whether a row in focus has a gold link to a position. */
const goldFor = (sentence, m, focus, position) =>
  focus.rows.some((row) => goldAt(sentence, m, row, position));

/** Whether a link is "right" or "wrong"; "" if its row has no gold. */
const outcome = (sentence, m, row, column) =>
  goldAt(sentence, m, row, column) ? "right" : m.columns.some((_, c) => goldAt(sentence, m, row, c)) ? "wrong" : "";

/** Marks the link of a single row: a cross if it is wrong, else a disc. */
function verdict(pen, sentence, m, focus, theme, where) {
  if (focus.rows.length !== 1 || m.signed) return;
  const column = links(sentence, m)[focus.rows[0]];
  if (column < 0) return;
  const [x, y] = where(column), known = outcome(sentence, m, focus.rows[0], column);
  const color = MARKS[theme][known] || "#222", missed = known === "wrong", d = (missed ? cross : disc)(x, y, 5);
  pen.path(d, { stroke: theme === "dark" ? "#14151c" : "#fff", width: 6 });
  pen.path(d, missed ? { stroke: color, width: 3 } : { fill: color });
}

/** The layout of a picture: title and name above its body, the body's notes below. */
function framed({ room, ...said }, body) {
  const width = Math.floor(Math.max(240, room - 2)), captions = captioned({ ...said, notes: body.notes }, width);
  const top = captions.head.length * 17 + 26, height = body.height(width);
  return { ...captions, width, top, footTop: top + height + 6, height: top + height + 12 + 15 * captions.foot.length, body: height };
}

const decoded = new Map();
/** Waits until an image of the page's data can be drawn. */
async function loaded(uri) {
  if (!decoded.has(uri)) decoded.set(uri, make("img", { src: uri }));
  await decoded.get(uri).decode();
}
