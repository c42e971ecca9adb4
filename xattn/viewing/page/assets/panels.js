// The cards around the pictures: tokens, heads, the table and the list of sentences; and the start of the page.

function drawTokens() {
  const { shown: m, sentence } = scene, key = `${state.sentence} ${state.unit}`;
  $("source").dir = mirrored() ? "rtl" : "ltr";
  $("target").dir = sentence.rightToLeft[1] ? "rtl" : "ltr";
  if (drawTokens.key === key) return;
  drawTokens.key = key;
  const row = (side, labels, ids, where) => {
    $(side).replaceChildren(...labels.flatMap((text, i) => {
      const token = button({ className: "token", tabIndex: -1 }, (event) => clicked(event, where(i)), make("bdi", {}, text));
      if (!m.words && ids[i] < 0) token.classList.add("special");
      token.addEventListener("pointerenter", () => point(where(i)));
      token.addEventListener("pointerleave", () => point(NOWHERE));
      return [token, " "];
    }));
  };
  row("source", m.columns, sentence.sourceIds, (column) => ({ row: null, column }));
  row("target", m.rows, sentence.targetIds, (row) => ({ row, column: null }));
}

/** A thumbnail of every layer and head, with its entropy, and its AER if there is gold. */
function drawHeads() {
  const { sentence, a } = scene, several = CHOICES.head, box = $("heads");
  const key = [state.sentence, state.map, state.rows, state.scale, theme(), mirrored()].join();
  if (drawHeads.key !== key) {
    drawHeads.key = key;
    const built = Array.from({ length: sentence.layers }, (_, layer) => several.map((head) => ({ layer, head, m: matrix(sentence, a, layer, head, "words", state.rows) }))).flat();
    // Without a choice all have one scale, so that they can be compared.
    if (state.scale === "auto") fit(built.map(({ m }) => m), "auto");
    for (const each of built) {
      const { layer, head, m } = each, canvas = make("canvas"), bits = `${entropy(m).toFixed(2)} bits`;
      if (state.scale !== "auto") fit([m], state.scale);
      each.gold = sentence.gold && aer(counts(sentence, m));
      each.choice = button({}, () => set({ layer, head }), canvas);
      thumbnail(canvas, m, theme(), mirrored(), 96);
      canvas.setAttribute("aria-hidden", "true");
      each.choice.append(make("b", {}, head === "mean" ? `L${layer} mean` : `L${layer} H${head}`), sentence.gold ? `AER ${percent(each.gold)}` : bits);
      if (sentence.gold) each.choice.append(make("br"), bits);
    }
    const best = sentence.gold ? Math.min(...built.map(({ gold }) => gold)) : null;
    for (const { choice, gold } of built) if (sentence.gold && gold === best) choice.classList.add("best");
    const { name } = built[0].m.scale, how = state.scale === "auto" ? "one scale" : "each";
    $("badge-note").textContent = `${how}: ${name}; ${sentence.gold ? "framed: the lowest AER of this sentence" : "entropy of the rows"}`;
    const at = Array.from(box.children).indexOf(document.activeElement);
    box.style.gridTemplateColumns = `repeat(${several.length}, minmax(62px, 1fr))`;
    box.replaceChildren(...built.map(({ choice }) => choice));
    if (at >= 0) built[at]?.choice.focus();
  }
  const chosen = state.layer * several.length + several.indexOf(state.head);
  for (const [i, choice] of Array.from(box.children).entries()) choice.setAttribute("aria-pressed", String(i === chosen));
  const { offsetLeft: x, offsetTop: y, offsetWidth: w, offsetHeight: h } = box.children[chosen];
  box.scrollTo(clip(box.scrollLeft, x + w + 6 - box.clientWidth, x - 6), clip(box.scrollTop, y + h + 6 - box.clientHeight, y - 6));
}

function drawTable() {
  if (!$("table").open) return;
  const { shown: m } = scene, head = (text, scope) => make("th", { scope }, make("bdi", {}, text));
  const line = (row) => make("tr", {}, head(m.rows[row], "row"),
    ...Array.from({ length: m.C + m.words }, (_, c) => make("td", {}, m.silent[row] ? "none" : valueAt(m, row, c).toFixed(4))));
  $("table").querySelector("div").replaceChildren(make("table", {},
    make("caption", {}, hasConvention ? `${readoutName()}; ${DATA.meanings[state.rows]}` : readoutName()),
    make("thead", {}, make("tr", {}, make("td"), ...m.columns.map((text) => head(text, "col")), ...(m.words ? [head("special", "col")] : []))),
    make("tbody", {}, ...m.rows.map((_, row) => line(row)))));
}

/** Lists the sentences with their scores at this layer, head and row convention, sorted as the state says. */
async function listSentences(mine) {
  if (DATA.sentences.length < 2) return;
  const key = [state.map, state.layer, state.head, state.rows].join();
  if (listSentences.key !== key) {
    const rated = [];
    for (const [index, sentence] of DATA.sentences.entries()) {
      const weights = await weightsOf(index, state.map);
      if (mine !== drawing) return;
      const m = matrix(sentence, weights, state.layer, state.head, "words", state.rows);
      const found = sentence.gold ? counts(sentence, m) : null;
      rated.push({ index, order: index, length: sentence.sourceWords.length, found, aer: found ? aer(found) : -1, entropy: entropy(m) });
    }
    Object.assign(listSentences, { key, rated });
  }
  const { rated } = listSentences, gold = rated.filter(({ found }) => found);
  const total = gold.reduce((sum, { found }) => sum.map((n, i) => n + found[i]), [0, 0, 0, 0]);
  $("total").textContent = gold.length ? `AER ${percent(aer(total))} over ${gold.length}` : `${rated.length}`;
  const down = state.sort.startsWith("-") ? -1 : 1, by = state.sort.replace("-", ""), wanted = $("find").value.toLowerCase();
  const headers = { order: "sentence", length: "words", ...(gold.length ? { aer: "AER" } : {}), entropy: "bits" };
  $("orders").replaceChildren(...Object.entries(headers).map(([name, text]) => {
    const arrow = by === name ? (down > 0 ? " ↑" : " ↓") : "";
    const cell = make("th", { scope: "col" }, button({}, () => set({ sort: state.sort === name ? `-${name}` : name }), text + arrow));
    cell.setAttribute("aria-sort", by !== name ? "none" : down > 0 ? "ascending" : "descending");
    return cell;
  }));
  const lines = [...rated].sort((x, y) => down * (x[by] - y[by]) || x.index - y.index).map((each) => {
    const { sourceWords, targetWords } = DATA.sentences[each.index], text = sourceWords.join(" ");
    if (!`${text} ${targetWords.join(" ")}`.toLowerCase().includes(wanted)) return "";
    const choice = button({ title: text }, () => set({ sentence: each.index }), make("bdi", {}, text || "(empty)"));
    if (each.index === state.sentence) choice.setAttribute("aria-current", "true");
    const row = make("tr", { className: each.index === state.sentence ? "here" : "" }, make("td", {}, choice), make("td", {}, String(each.length)));
    if (gold.length) row.append(make("td", {}, each.found ? percent(each.aer) : ""));
    row.append(make("td", {}, each.entropy.toFixed(2)));
    return row;
  });
  $("sentences").replaceChildren(...lines.filter(Boolean));
}

/** Saves all pictures side by side in one file. */
const picture = (name) => onPaper(() => {
  const GAP = 24, list = pictures(), height = Math.max(...list.map(({ at }) => at.height)) + GAP;
  const width = list.reduce((sum, { at }) => sum + at.width + GAP, GAP), paper = style("--card");
  const draw = (pen) => {
    pen.rect(0, 0, width, height, paper);
    let x = GAP;
    for (const { at, draw } of list) {
      pen.moved(x, GAP / 2, draw);
      x += at.width + GAP;
    }
  };
  if (name === "svg") {
    const pen = new SvgPen();
    draw(pen);
    return save("attention.svg", new Blob([pen.file(width, height)], { type: "image/svg+xml" }));
  }
  const canvas = make("canvas");
  paint(canvas, { at: { width, height }, draw }, Math.min(3, 4000 / Math.max(width, height)));
  return canvas.toBlob((blob) => save("attention.png", blob), "image/png");
});

async function saveLinks() {
  const lines = [];
  for (const [index, sentence] of DATA.sentences.entries())
    lines.push(pharaoh(sentence, matrix(sentence, await weightsOf(index, state.map), state.layer, state.head, "words", state.rows)));
  save("links.pharaoh", new Blob([`${lines.join("\n")}\n`], { type: "text/plain" }));
}

function start() {
  const fill = (id, pairs) => $(id).append(...pairs.map(([value, text]) => make("option", { value, textContent: text })));
  for (const id of ["layer", "head", "scale"]) fill(id, CHOICES[id].map((value) => [value, value]));
  fill("map", DATA.names.map((name, i) => [i, name]));
  fill("other", [[-1, "nothing"], ...DATA.names.map((name, i) => [i, name])]);
  for (const group of document.querySelectorAll(".choice")) {
    const { key } = group.dataset;
    for (const value of CHOICES[key]) {
      const choice = button({ value, title: DATA.meanings[value] || "" }, () => set({ [key]: value }), value);
      choice.dataset.key = key;
      group.append(choice);
    }
  }
  for (const id of ["layer", "map", "other"]) on(id, "change", (event) => set({ [id]: +event.target.value }));
  on("head", "change", (event) => set({ head: event.target.value === "mean" ? "mean" : +event.target.value }));
  $("map-slider").max = DATA.names.length - 1;
  on("map-slider", "input", (event) => set({ map: +event.target.value }));
  $("maps").hidden = DATA.names.length < 2;
  document.querySelector("[data-key=rows]").closest("fieldset").hidden = !hasConvention;
  $("corpus").hidden = DATA.sentences.length < 2;
  $("layout").classList.toggle("corpus", DATA.sentences.length > 1);
  on("scale", "change", (event) => set({ scale: event.target.value }));
  on("marks", "change", (event) => set({ marks: +event.target.checked }));
  on("mirror", "change", (event) => set({ mirror: event.target.checked ? "rtl" : "ltr" }));
  on("smaller", "click", () => set({ zoom: Math.max(state.zoom - 1, -4) }));
  on("larger", "click", () => set({ zoom: Math.min(state.zoom + 1, 8) }));
  on("theme", "click", () => set({ theme: { auto: "dark", dark: "light", light: "auto" }[state.theme] }));
  on("controls", "submit", (event) => event.preventDefault());
  on("find", "input", () => listSentences(drawing));
  on("table", "toggle", drawTable);
  on("png", "click", () => picture("png"));
  on("svg", "click", () => picture("svg"));
  on("pharaoh", "click", saveLinks);
  player($("play-maps"), (first) => {
    const next = first ? 0 : state.map + 1;
    return next < DATA.names.length && set({ map: next });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) set({ pin: NOWHERE });
  });
  for (const event of ["pointerdown", "pointermove"])
    on("overview", event, ({ buttons, clientX, clientY }) => {
      const [{ panel, at, m }] = maps(), { x, y, width, height } = $("overview").getBoundingClientRect();
      if (buttons) panel.scrollTo(((clientX - x) / width) * at.w * m.C - (at.seen.w - at.left) / 2, ((clientY - y) / height) * at.h * m.R - (at.seen.h - at.top) / 2);
    });
  night.addEventListener("change", refresh);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  addEventListener("hashchange", () => { state = fromHash(location.hash); refresh(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; refresh(); } });
  $("precision").textContent = DATA.precision;
  for (const each of STARTED) each();
  $("unready").remove();
  const own = frameElement?.previousElementSibling; // the hint of a notebook
  if (own?.matches(".xattn-hint")) {
    own.remove();
    // As high as the page; panels of large maps grow with their frame, up to its own limit.
    new ResizeObserver(() => { frameElement.style.height = document.body.offsetHeight + 40 + "px"; }).observe(document.body);
  }
  refresh();
}

/** For scripts and tests: the state of the page, and exact values. */
window.xattn = {
  data: DATA,
  get state() { return { ...state }; },
  set,
  settled: async () => {
    for (let last; last !== settled; ) {
      last = settled;
      await last;
    }
  },
  /** The value of a cell for the current unit and row convention; the column after the last word is special. */
  cell: (layer, head, row, column) => {
    const m = matrix(scene.sentence, scene.a, layer, head, state.unit, state.rows);
    if (!(row >= 0 && row < m.R && column >= 0 && column < m.C + m.words)) throw new RangeError(`There is no cell ${row}, ${column}.`);
    return valueAt(m, row, column);
  },
  /** The centre of a cell of the first heatmap, in pixels of the window. */
  place: (row, column) => {
    const [{ at, canvas }] = maps(), box = canvas.getBoundingClientRect();
    return [box.x + at.x(column) + at.w / 2, box.y + at.y(row) + at.h / 2];
  },
  /** The row and the column at a point of the first picture, in pixels of the picture. */
  under: (x, y) => cellAt(scene.pictures[0], x, y),
  /** The colour scale of the last heatmap, and the shades of its cells. */
  scale: () => {
    const { m } = scene.panels.at(-1);
    return { text: m.scale.text, shades: m.rows.map((_, row) => m.columns.map((_, c) => share(m, valueAt(m, row, c), row))) };
  },
  rows: () => [...scene.shown.rows],
  columns: () => [...scene.shown.columns],
  links: () => pharaoh(scene.sentence, scene.words),
  scores: () => ({ aer: scene.sentence.gold ? aer(counts(scene.sentence, scene.words)) : null, entropy: entropy(scene.words) }),
};
start();
