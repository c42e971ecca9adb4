// The page: draws the state, and changes the state when its reader points, clicks and types.

let state = fromHash(location.hash), hover = NOWHERE, walked = NOWHERE, scene = null, drawing = 0, settled = Promise.resolve();
const root = document.documentElement, night = matchMedia("(prefers-color-scheme: dark)");
const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
let printing = false, paper = false; // paper: a printer or a file, always light
const theme = () => (paper ? "light" : state.theme === "auto" ? (night.matches ? "dark" : "light") : state.theme);
const same = (a, b) => a.row === b.row && a.column === b.column;
const listed = ({ row, column }) => ({ rows: row === null ? [] : [row], columns: column === null ? [] : [column] });
const isAny = ({ rows, columns }) => rows.length + columns.length > 0;
const within = ({ row, column }, { rows, columns }) => (row === null || rows.includes(row)) && (column === null || columns.includes(column));
/** The rows and columns in focus: the picked ones if the reader points at one of them, else where the reader points, else the pin. */
function focus() {
  if (isAny(state.picked) && within(hover, state.picked)) return state.picked;
  return listed(same(hover, NOWHERE) ? state.pin : hover);
}

function set(changes) {
  const units = changes.unit && changes.unit !== state.unit, other = "sentence" in changes && changes.sentence !== state.sentence;
  const anew = { pin: NOWHERE, picked: NOTHING, ...(other ? { step: -1 } : {}) };
  state = { ...state, ...(units || other || changes.pin || changes.picked ? anew : {}), ...changes };
  // In a notebook the page has no address, and so no hash.
  if (location.protocol !== "about:") history.replaceState(null, "", toHash(state));
  return refresh();
}

function refresh() {
  hover = NOWHERE;
  settled = draw(++drawing).catch(fail);
  return settled;
}

function fail(error) {
  $("failure").textContent = `This page cannot be drawn: ${error.message}`;
  $("failure").hidden = false;
  throw error;
}

/** Unpacks the weights that the state needs, then draws everything at once. */
async function draw(mine) {
  root.dataset.theme = theme();
  const sentence = DATA.sentences[state.sentence];
  const a = await weightsOf(state.sentence, state.map);
  const b = state.other < 0 ? null : await weightsOf(state.sentence, state.other);
  await SECOND.ready?.(sentence);
  if (mine !== drawing) return;
  const at = (weights, unit) => matrix(sentence, weights, state.layer, state.head, unit, state.rows);
  const shown = at(a, state.unit), compared = b && at(b, state.unit);
  const inside = ({ rows, columns }) => rows.every((row) => row < shown.R) && columns.every((c) => c < shown.C + shown.words);
  if (!inside(listed(state.pin))) state.pin = NOWHERE;
  if (!inside(state.picked)) state.picked = NOTHING;
  scene = { sentence, a, b, shown, compared, words: shown.words ? shown : at(a, "words") };
  scene.panels = [{ m: shown, name: `${b ? "A: " : ""}${DATA.names[state.map]}` }];
  if (b) scene.panels.push({ m: compared, name: `B: ${DATA.names[state.other]}` }, { m: difference(shown, compared), name: "B − A" });
  fit(b ? [shown, compared] : [shown], state.scale);
  if (b) fit([scene.panels[2].m], state.scale);
  drawControls();
  drawTokens();
  drawPictures();
  drawHeads();
  for (const each of DRAWN) each();
  drawTable();
  drawFocus();
  await listSentences(mine);
}

/** Does something while the pictures are light, for a printer or a file. */
function onPaper(act) {
  const dress = (now) => {
    paper = now;
    root.dataset.theme = theme();
  };
  dress(true);
  try { return act(); } finally { dress(false); }
}

/** Replaces the pictures by drawings for a printer, as wide as its page. */
function beforePrint() {
  printing = paper = true;
  root.dataset.theme = theme();
  $("prints").replaceChildren(...pictures().map(({ at, draw }) => {
    const pen = new SvgPen();
    draw(pen);
    return new DOMParser().parseFromString(pen.file(at.width, at.height), "image/svg+xml").documentElement;
  }));
  drawLegend();
  drawHeads();
  drawFocus();
}
function afterPrint() {
  printing = paper = false;
  $("prints").replaceChildren();
  refresh();
}

function drawControls() {
  $("theme").textContent = `theme: ${state.theme}`;
  for (const id of ["layer", "head", "scale", "map", "other"]) $(id).value = state[id];
  $("map-slider").value = state.map;
  $("map-slider").setAttribute("aria-valuetext", DATA.names[state.map]);
  for (const button of document.querySelectorAll(".choice button"))
    button.setAttribute("aria-pressed", String(state[button.dataset.key] === button.value));
  $("marks").checked = Boolean(state.marks);
  $("marks-name").textContent = scene.sentence.gold ? "links and gold" : "links";
  $("mirror").checked = mirrored();
  const share = specialShare(scene.words);
  $("warning").hidden = share <= 0.5;
  $("warning").textContent = `${percent(share)} % of this head's weight is on special pieces such as EOS, so its links are unreliable.`;
}

const headName = () => DATA.single || `head ${state.head}`;
const readoutName = () => `${DATA.title}, layer ${state.layer}, ${headName()}`;
const mirrored = () => state.mirror === "rtl" || (state.mirror === "auto" && scene.sentence.rightToLeft[0]);

function notes(m) {
  const { sentence } = scene, unit = m.words ? "word" : "piece";
  const lines = hasConvention ? [DATA.meanings[state.rows].replace("word", unit)] : [];
  if (m.words && sentence.unknown) lines.push(sentence.unknown);
  lines.push(m.scale.text);
  if (m.silent.some(Boolean)) lines.push(`hatched: no decoder step represents the ${unit}`);
  if (state.marks && !m.signed)
    lines.push(sentence.gold ? "gold: sure solid, possible dashed; disc: right link, cross: wrong" : "disc: link, the largest weight of the row");
  return lines;
}

/** The pictures of the view, with their layouts and functions that draw them, for the screen and for files. */
function pictures() {
  const room = printing ? 690 : Math.max($("panels").clientWidth, 240), tall = paper ? 1e9 : Math.max(0.8 * innerHeight, 320), list = [];
  const { sentence } = scene, common = { theme: theme(), ink: style("--ink"), soft: style("--soft"), card: style("--card"), sentence, overlay: state.marks, get focus() { return focus(); } };
  const both = state.view === "both" && !scene.b, wide = scene.b && room > 600 ? room / 3 - 24 : room, beside = both && room > 600 && !SECOND.wide && scene.shown.C < 60;
  for (const { m, name } of scene.panels) {
    const title = hasConvention ? `${readoutName()}, row convention: ${state.rows}` : readoutName();
    const said = { name: DATA.names.length > 1 ? name : "", title, notes: notes(m), sentence };
    const shown = (kind, how, place) => list.push({ kind, m, at: place, draw: (pen) => how(pen, m, place, common) });
    const second = (room) => (both || state.view === SECOND.name) && shown(SECOND.name, SECOND.draw, SECOND.place(m, { room, ...said }));
    // Lines stand after the heatmap, in the width that it leaves; all other pictures stand before it.
    if (SECOND.first) second(beside ? Math.min(0.45 * room, 520) : SECOND.wide ? wide : Math.min(wide, 720));
    const rest = beside ? room - (list.length ? list[0].at.width + 24 : 250) : wide;
    if (state.view !== SECOND.name)
      shown("heatmap", heatmap, layout(m, { room: rest < 300 ? wide : rest, limit: room, tall, zoom: printing ? 1 : 1.25 ** state.zoom, mirror: mirrored(), paper: printing, ...said }));
    const left = list.length ? room - list[0].at.width - 24 : wide;
    if (!SECOND.first) second(left < 220 ? room : Math.min(left, 420));
  }
  return list;
}

function paint(canvas, { at, draw }, density = devicePixelRatio || 1) {
  // The size of a canvas is limited, so a large picture is drawn with fewer dots.
  const { w, h } = sizeOf(at), dots = Math.min(density, Math.sqrt(6e7 / (w * h)));
  canvas.width = Math.ceil(w * dots);
  canvas.height = Math.ceil(h * dots);
  Object.assign(canvas.style, { width: `${w}px`, height: `${h}px` });
  const context = canvas.getContext("2d");
  context.scale(dots, dots);
  draw(new CanvasPen(context));
}

/** The heatmaps: only they are scrolled by the page itself. */
const maps = () => scene.pictures.filter(({ at }) => at.seen);
/** The size of a picture on the screen: of its part that is seen, or of all of it. */
const sizeOf = ({ seen, width, height }) => seen || { w: width, h: height };

function drawPictures() {
  scene.pictures = pictures();
  const old = Array.from($("panels").children);
  scene.pictures.forEach((picture, i) => {
    // Panels are reused, so that the keyboard focus stays.
    const panel = old[i] || panelFor(i);
    if (!old[i]) $("panels").append(panel);
    Object.assign(picture, { panel, canvas: panel.querySelector("canvas"), bands: panel.querySelector(".bands") });
    const { kind, m, at } = picture, pane = panel.querySelector(".pane"), { w, h } = sizeOf(at);
    Object.assign(panel.firstChild.style, { width: `${at.width}px`, height: `${at.height}px` });
    Object.assign(pane.style, { width: `${w}px`, height: `${h}px` });
    panel.style.maxWidth = `min(100%, ${w + BAR}px)`;
    if (at.seen) {
      picture.bands.style.clipPath = `inset(${at.top - 3}px 0 0 ${at.left - 3}px)`;
      Object.assign(at, { sx: panel.scrollLeft, sy: panel.scrollTop });
    }
    const keys = "Arrow keys move, Enter pins, Shift+Enter adds a column, Shift+Space adds a row, Escape unpins; L, H, U, R and S change layer, head, unit, row convention and colour scale.";
    panel.setAttribute("aria-label", `${kind}, ${m.R} rows and ${m.C} columns: ${scene.panels.find((p) => p.m === m).name}. ${keys}`);
    if (at.seen) paint(picture.canvas, picture); // the others are drawn with the focus
  });
  for (const panel of old.slice(scene.pictures.length)) panel.remove();
  drawLegend();
  drawOverview();
}

function drawLegend() {
  const bar = $("legend").getContext("2d"), { signed, scale } = scene.panels.at(-1).m;
  for (let x = 0; x < 128; x++) {
    bar.fillStyle = shade(theme(), signed ? (x / 127) * 2 - 1 : x / 127, signed).css;
    bar.fillRect(x, 0, 1, 1);
  }
  document.querySelector(".legend > span").textContent = (signed ? "B − A: " : "") + scale.ends[0];
  $("most").textContent = scale.ends[1];
}

/** The whole heatmap in little, if only a part of it is seen, with a frame around this part. */
function drawOverview() {
  const [{ m, at } = {}] = maps(), box = $("overview");
  box.hidden = !at || (at.left + at.w * (m.C + 1.35 * m.words) <= at.seen.w && at.height <= at.seen.h);
  if (box.hidden) return;
  thumbnail(box.firstChild, m, theme(), at.mirror, 320);
  Object.assign(box.style, { width: "300px", height: `${clip((300 * m.R * at.h) / (m.C * at.w), 24, 100)}px` });
  frameOverview();
}
function frameOverview() {
  const [{ m, at }] = maps();
  const part = (from, seen, all) => [`${(100 * from) / all}%`, `${Math.min(100, (100 * seen) / all)}%`];
  const [left, width] = part(at.sx, at.seen.w - at.left, at.w * m.C), [top, height] = part(at.sy, at.seen.h - at.top, at.h * m.R);
  Object.assign($("overview").lastChild.style, { left, width, top, height });
}

/** Scrolls the heatmaps together. */
function scrolled({ panel, at }) {
  const { scrollLeft: left, scrollTop: top } = panel;
  if (!at.seen || (left === at.sx && top === at.sy)) return;
  for (const other of maps()) {
    other.panel.scrollTo(left, top);
    Object.assign(other.at, { sx: left, sy: top });
    paint(other.canvas, other);
  }
  drawBands();
  frameOverview();
}
/** Scrolls until a cell is seen. */
function reveal({ panel, at, m }, { row, column }) {
  if (!at.seen) return;
  const past = (from, size, least, most) => Math.max(0, from + size - most) - Math.max(0, least - from);
  panel.scrollBy(column === null || column >= m.C + m.words ? 0 : past(at.x(column), at.w, at.left, at.seen.w), row === null ? 0 : past(at.y(row), at.h, at.top, at.seen.h));
}

function panelFor(index) {
  const pane = make("div", { className: "pane" }, make("canvas"), make("div", { className: "bands" }));
  const panel = make("div", { className: "panel", tabIndex: 0 }, make("div", {}, pane));
  panel.setAttribute("role", "application");
  panel.querySelector("canvas").setAttribute("aria-hidden", "true");
  const under = (event) => {
    const box = panel.querySelector("canvas").getBoundingClientRect();
    return cellAt(scene.pictures[index], event.clientX - box.left, event.clientY - box.top);
  };
  const heard = (event, act) => panel.addEventListener(event, act);
  heard("pointermove", (event) => point(under(event)));
  heard("pointerleave", () => point(NOWHERE));
  heard("click", (event) => clicked(event, under(event)));
  heard("keydown", (event) => keyed(event, scene.pictures[index]));
  heard("scroll", () => requestAnimationFrame(() => scene.pictures[index]?.panel === panel && scrolled(scene.pictures[index])));
  return panel;
}

/** The row and the column at a point of a picture; a label has only one of them. */
function cellAt({ kind, m, at }, x, y) {
  if (kind !== "heatmap") return SECOND.cell(m, at, x, y);
  const row = Math.floor((y - at.y(0)) / at.h), special = at.x(m.C), from = Math.floor((x - at.left + at.sx) / at.w);
  const column = m.words && x >= special && x < special + at.w ? m.C : at.mirror ? m.C - 1 - from : from;
  const inRows = y >= at.top && row >= 0 && row < m.R, inColumns = x >= at.left && column >= 0 && (column < m.C || (column === m.C && m.words && x >= special));
  if (x < at.left && inRows) return { row, column: null };
  if (y < at.top && y > at.top - 40 && inColumns) return { row: null, column };
  return inRows && inColumns ? { row, column } : NOWHERE;
}

function point(where) {
  if (same(where, hover)) return;
  hover = where;
  drawFocus();
}
const pin = (where) => set({ pin: same(where, state.pin) ? NOWHERE : where });
const clicked = (event, where) => (event.ctrlKey || event.metaKey || event.shiftKey ? pick : pin)(where);

/** Adds a token to the picked ones, or removes it; a pinned token becomes the first picked one. */
function pick(where) {
  const now = isAny(state.picked) ? state.picked : listed(state.pin), own = listed(where), out = within(where, now);
  const changed = (key) => [...new Set([...now[key], ...own[key]])].filter((i) => !out || !own[key].includes(i)).sort((x, y) => x - y);
  return set({ picked: { rows: changed("rows"), columns: changed("columns") } });
}

function keyed(event, picture) {
  const { m } = picture, { key } = event, now = !same(hover, NOWHERE) ? hover : isAny(state.picked) ? walked : state.pin;
  const across = (key === "ArrowRight") - (key === "ArrowLeft"), down = (key === "ArrowDown") - (key === "ArrowUp");
  const back = event.shiftKey ? -1 : 1, cycle = (name, list) => set({ [name]: list.at((list.indexOf(state[name]) + back) % list.length) });
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (across || down) {
    const turn = picture.at.mirror ? -1 : 1, fresh = now.row === null && now.column === null;
    point({
      row: fresh ? 0 : clip((now.row ?? 0) + down, 0, m.R - 1),
      column: fresh ? 0 : clip((now.column ?? 0) + across * turn, 0, m.C - 1 + m.words),
    });
    reveal(picture, hover);
  } else if (key === "Home" || key === "End") {
    point({ row: now.row ?? 0, column: key === "Home" ? 0 : m.C - 1 });
    reveal(picture, hover);
  } else if (event.shiftKey && (key === "Enter" || key === " ")) {
    walked = now; // the focus is then on the picked tokens, and arrow keys continue from here
    pick({ ...now, [key === " " ? "column" : "row"]: null });
  } else if (key === "Enter" || key === " ") pin(now);
  else if (key === "Escape") set({ pin: NOWHERE });
  else if (/^[lhurs]$/i.test(key)) {
    const name = { l: "layer", h: "head", u: "unit", r: "rows", s: "scale" }[key.toLowerCase()];
    cycle(name, CHOICES[name]);
  } else return;
  event.preventDefault();
}

function drawBands() {
  const { rows, columns } = focus();
  const pinned = same(hover, NOWHERE) || same(hover, state.pin) || isAny(state.picked) && within(hover, state.picked) ? " pinned" : "";
  for (const { at, bands, m } of maps())
    bands.replaceChildren(
      ...rows.map((row) => band(`row${pinned}`, at.left - at.sx, at.y(row), at.w * (m.C + 1.35 * m.words), at.h)),
      ...columns.map((c) => band(`column${pinned}`, at.x(c), at.y(0), at.w, at.h * m.R)));
}

/** Draws the focus: bands, tinted tokens, lines, and the values as a sentence. */
function drawFocus() {
  const { rows, columns } = focus(), { shown: m } = scene;
  for (const picture of scene.pictures) if (!picture.at.seen) paint(picture.canvas, picture);
  drawBands();
  tint("source", (c) => (rows.length ? share(m, together(m, rows, [c]), rows[0]) : 0), columns);
  tint("target", (row) => (rows.length || !columns.length ? 0 : share(m, together(m, [row], columns), row)), rows);
  $("readout").replaceChildren(...described(rows, columns));
}

function band(name, left, top, width, height) {
  const made = make("div", { className: `band ${name}` });
  Object.assign(made.style, { left: `${left - 2}px`, top: `${top - 2}px`, width: `${width + 3}px`, height: `${height + 3}px` });
  return made;
}
const valueAt = (m, row, column) => (column < m.C ? m.values[row * m.C + column] : m.special[row]);

/** The attention of rows to columns: the sum over the columns, the mean over the rows that are not silent. */
function together(m, rows, columns) {
  let sum = 0, spoken = 0;
  for (const row of rows) {
    if (m.silent[row]) continue;
    spoken++;
    for (const c of columns) sum += valueAt(m, row, c);
  }
  return sum / (spoken || 1);
}

function tint(side, shadeOf, at) {
  Array.from($(side).querySelectorAll(".token")).forEach((token, i) => {
    const strength = shadeOf(i), on = at.includes(i), color = strength < 0.005 ? null : shade(theme(), strength);
    token.style.background = color ? color.css : "";
    token.style.color = color ? color.ink : "";
    token.classList.toggle("at", on);
  });
}

/** The focus as a sentence, in DOM nodes. */
function described(rows, columns) {
  const { shown: m, compared, sentence } = scene, unit = m.words ? "word" : "piece";
  const label = (c) => (c < m.C ? m.columns[c] : "special pieces");
  const names = (list, label, ids, pieces) => list.flatMap((at, i) => {
    const parts = m.words ? pieces.filter((_, i) => ids[i] === at) : [];
    return [i ? " + " : "", make("b", {}, make("bdi", {}, label(at))), ...(parts.length > 1 ? [" (", make("bdi", {}, parts.join(" ")), ")"] : [])];
  });
  const targets = names(rows, (row) => m.rows[row], sentence.targetIds, sentence.target);
  const sources = names(columns, label, sentence.sourceIds, sentence.source);
  const silent = rows.length && rows.every((row) => m.silent[row]);
  const how = [[columns, "sum", "source"], [rows, "mean", "target"]].filter(([list]) => list.length > 1)
    .map(([list, what, side]) => `${what} over ${list.length} ${side} ${unit}s`).join(", ");
  const note = how && ` (${how})`;
  if (!isAny({ rows, columns })) return [make("span", { className: "screen" }, "Point at a word or a cell to see its attention. Click to pin it; Shift+click to add others.")];
  if (rows.length && columns.length) {
    const value = together(m, rows, columns), other = compared && together(compared, rows, columns);
    const exact = NORMS ? "" : ` (${value.toFixed(4)})`;
    const facts = silent ? [" no decoder step represents it"] : [` ${amount(value)}${exact}`];
    if (compared) facts.push(` in A, ${amount(other)} in B: B − A ${NORMS ? (other - value).toFixed(4) : ((other - value) * 100).toFixed(1)}`);
    if (!how) {
      const gold = columns[0] < m.C ? goldAt(sentence, m, rows[0], columns[0]) : "";
      if (links(sentence, m)[rows[0]] === columns[0]) facts.push(sentence.gold ? (gold ? "; right link" : "; wrong link") : "; link");
      if (gold) facts.push(`; gold: ${gold}`);
    }
    return [...targets, " ← ", ...sources, ...facts, note];
  }
  const ranked = (rows.length ? [...m.columns, ...(m.words ? ["special pieces"] : [])] : m.rows)
    .map((text, i) => [text, rows.length ? together(m, rows, [i]) : together(m, [i], columns)])
    .sort((x, y) => y[1] - x[1]).slice(0, 4).filter(([, value], _, [[, top]]) => value > 0 && value >= 0.02 * top);
  const said = ranked.flatMap(([text, value], i) => [i ? ", " : " ", make("bdi", {}, text), ` ${amount(value)}`]);
  const verb = rows.length ? (silent ? ": no decoder step represents it" : rows.length > 1 ? " attend to" : " attends to") : columns.length > 1 ? " get attention from" : " gets attention from";
  return [...targets, ...sources, verb, ...said, note];
}
