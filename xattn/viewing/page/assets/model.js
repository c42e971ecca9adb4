// The model of the page: maps are unpacked, folded into words, read as links, and scored.
// A map holds decoder steps, rows [layer, head, step, source piece]. Only this file applies a row convention.

const DATA = JSON.parse(document.getElementById("data").textContent);
const SHIFT = { produced: 0, read: 1 }; // piece i has the row of step i + this
const unpacked = new Map();

/** The weights of one map of a sentence as a Float32Array, unpacked on first use. */
function weightsOf(sentence, name) {
  const key = `${sentence} ${name}`;
  if (!unpacked.has(key)) unpacked.set(key, unpack(DATA.sentences[sentence].maps[name]));
  return unpacked.get(key);
}

async function unpack(map) {
  const text = atob(map.data);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  // First all low bytes, then all high bytes.
  const count = bytes.length / 2, values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = ((bytes[i] + 256 * bytes[i + count]) * map.scale) / 65535;
  return values;
}

/**
 * One matrix by words or pieces. Word weights are sums over source pieces and means over the rows of target pieces,
 * weighted by their shares.
 * `special` is the weight of pieces outside every word (EOS). A row that no decoder step represents is silent.
 */
function matrix(sentence, weights, layer, head, unit, convention) {
  const { layers, heads, source, target, sourceIds, targetIds, sourceWords, targetWords } = sentence;
  const words = unit === "words", shares = words && sentence.targetShares, T = target.length, S = source.length;
  const rows = words ? targetWords : target, columns = words ? sourceWords : source;
  const R = rows.length, C = columns.length;
  const values = new Float64Array(R * C), special = new Float64Array(R), spoken = new Float64Array(R);
  const several = head === "mean" ? Array.from({ length: heads }, (_, n) => n) : [head];
  if (!(layer >= 0 && layer < layers)) throw new RangeError(`There is no layer ${layer}.`);
  for (const n of several) {
    if (!(n >= 0 && n < heads)) throw new RangeError(`There is no head ${n}.`);
    for (let step = SHIFT[convention]; step < T; step++) {
      const piece = step - SHIFT[convention], row = words ? targetIds[piece] : piece;
      if (row < 0) continue;
      const share = shares ? shares[piece] : 1;
      spoken[row] += share;
      const from = ((layer * heads + n) * T + step) * S, into = row * C;
      for (let s = 0; s < S; s++) {
        const column = words ? sourceIds[s] : s;
        if (column < 0) special[row] += share * weights[from + s];
        else values[into + column] += share * weights[from + s];
      }
    }
  }
  for (let row = 0; row < R; row++) {
    if (!spoken[row]) continue;
    special[row] /= spoken[row];
    for (let c = 0; c < C; c++) values[row * C + c] /= spoken[row];
  }
  return { rows, columns, values, special, R, C, words, silent: Array.from(spoken, (n) => !n) };
}

/** B − A by cell; a row is silent if it is silent in A or in B. */
function difference(a, b) {
  const minus = (x, y) => x.map((value, i) => value - y[i]);
  return {
    ...a, signed: true, values: minus(b.values, a.values), special: minus(b.special, a.special),
    silent: a.silent.map((quiet, row) => quiet || b.silent[row]),
  };
}

/** The column that every row is linked to: the first largest, special pieces left out; -1 for none. */
function links(sentence, m) {
  return Array.from({ length: m.R }, (_, row) => {
    if (!m.words && sentence.targetIds[row] < 0) return -1;
    let best = -1, most = 0;
    for (let c = 0; c < m.C; c++) {
      const value = m.values[row * m.C + c];
      if (value > most && (m.words || sentence.sourceIds[c] >= 0)) { most = value; best = c; }
    }
    return best;
  });
}

/** The gold link of a cell: "sure", "possible", or "" for none. */
function goldAt(sentence, m, row, column) {
  if (!sentence.gold) return "";
  const s = m.words ? column : sentence.sourceIds[column], t = m.words ? row : sentence.targetIds[row];
  return sentence.gold[`${s}-${t}`] || "";
}

/** |A|, |S|, |A∩S|, |A∩P| of a word matrix against gold (Och & Ney, 2003). */
function counts(sentence, m) {
  const found = [0, Object.values(sentence.gold).filter((link) => link === "sure").length, 0, 0];
  links(sentence, m).forEach((column, row) => {
    if (column < 0) return;
    const gold = goldAt(sentence, m, row, column);
    found[0]++;
    found[2] += gold === "sure";
    found[3] += gold !== "";
  });
  return found;
}

const aer = ([links, sure, sureHits, possibleHits]) =>
  links + sure ? 1 - (sureHits + possibleHits) / (links + sure) : 0;

/** Mean entropy of the rows in bits, the special mass included. */
function entropy(m) {
  let sum = 0, rows = 0;
  for (let row = 0; row < m.R; row++) {
    // Of weights w that sum to W, it is log W - (sum of w log w) / W.
    let total = 0, part = 0;
    for (let c = -1; c < m.C; c++) {
      const w = c < 0 ? m.special[row] : m.values[row * m.C + c];
      total += w;
      if (w > 0) part += w * Math.log2(w);
    }
    if (m.silent[row] || !total) continue;
    sum += Math.log2(total) - part / total;
    rows++;
  }
  return rows ? sum / rows : 0;
}

/** The share of special pieces in the weight of a word matrix. */
function specialShare({ special, values }) {
  const sum = (all) => all.reduce((total, value) => total + value, 0);
  return sum(special) / (sum(special) + sum(values) || 1);
}

/** Links in Pharaoh format: 0-based, source first. */
const pharaoh = (sentence, m) =>
  links(sentence, m).flatMap((column, row) => (column < 0 ? [] : [[column, row]]))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((pair) => pair.join("-")).join(" ");

const NORMS = DATA.unit; // norms and other values have no common scale
const percent = (value) => (100 * value).toFixed(1);
const amount = (value) => (NORMS ? value.toFixed(4) : `${value > 0 && value < 0.0005 ? (100 * value).toPrecision(1) : percent(value)} %`);
const clip = (value, least, most) => Math.min(Math.max(value, least), most);

/** Fits a common colour scale to matrices: they get its name, the value of the last colour, and its text for pictures. */
function fit(matrices, scale) {
  const peak = (values) => values.reduce((high, value) => Math.max(high, Math.abs(value)), 0);
  const peaks = matrices.map(({ values }) => peak(values)), highest = Math.max(...peaks), usual = peaks.reduce((sum, value) => sum + value, 0) / peaks.length;
  const { signed } = matrices[0], alone = matrices.length === 1, short = (value) => String(+value.toPrecision(3));
  const faint = scale === "auto" && usual > 0 && usual < DATA.faint * DATA.most;
  const name = signed ? "difference" : faint ? "map" : scale === "auto" ? "absolute" : scale;
  const most = signed || name === "map" ? highest || 1 : DATA.most, end = short(most);
  const limit = NORMS ? `the largest ${DATA.unit}, ${end}` : end, maximum = alone ? "the map's maximum" : "the maps' maximum";
  const text = {
    absolute: `0 to ${limit}`, sqrt: `square root of 0 to ${limit}`, row: "each row from 0 to its own maximum",
    map: `0 to ${maximum}, ${end}` + (faint ? `, because ${alone ? "no cell reaches" : "few cells reach"} ${short(DATA.faint * DATA.most)}` : ""),
    difference: `-${end} to +${end}, symmetric about 0`,
  };
  const ends = { row: ["0", "row maximum"], difference: [`−${end}`, `+${end}`] }[name] || ["0", end];
  for (const m of matrices) {
    const tops = name === "row" ? m.rows.map((_, row) => peak(m.values.subarray(row * m.C, (row + 1) * m.C)) || 1) : null;
    m.scale = { name, most, tops, ends, text: `colour scale ${name}: ${text[name]}` };
  }
  return matrices;
}
/** The shade of a value of a row, 0..1, or -1..1 in a difference. */
function share(m, value, row) {
  const { name, most, tops } = m.scale, at = clip(value / (tops ? tops[row] : most), m.signed ? -1 : 0, 1);
  return name === "sqrt" ? Math.sqrt(at) : at;
}
