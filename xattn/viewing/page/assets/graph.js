// The source graph and the query graph side by side, and links as opaque as their weights.

const NODE = 12;

const SECOND = {
  name: "graph", first: true,
  place: (m, { sentence, ...said }) => ({
    ...framed(said, { notes: [m.scale.text, ...(sentence.gold ? ["right links: solid; wrong links: dashed; gold partners have the same position in both graphs"] : [])], height: (width) => Math.max(0.62 * width, 17 * Math.max(m.R, m.C)) }),
    sentence,
  }),
  /** The positions of the nodes of all columns and rows. */
  nodes({ sentence, width, top, body }) {
    const { source, target } = sentence.layout, across = (width - 4 * NODE) / 2.75;
    const put = ([x, y], from) => [2 * NODE + (x + from) * across, top + NODE + 4 + (1 - y) * (body - 2 * NODE - 8)];
    return {
      columns: source.map((place) => put(place, 0)),
      rows: target.map((place) => put(place, 1.75)),
    };
  },
  draw(pen, m, at, { theme, ink, soft, focus, sentence, overlay }) {
    captions(pen, at, ink, soft);
    const { rows, columns } = SECOND.nodes(at), { sourceEdges, targetEdges } = sentence.layout;
    const found = overlay && !m.signed ? links(sentence, m) : [], ours = style("--accent"), line = ([x, y], [to, down], how) => pen.path(`M${x} ${y}L${to} ${down}`, how);
    for (const [text, x] of [["source nodes", 0.2], ["queries", 0.8]]) pen.text(text, at.width * x, at.top - 10, { fill: soft, size: 11, align: "center" });
    for (let row = 0; row < m.R; row++)
      for (let c = 0; c < m.C; c++) {
        const value = m.values[row * m.C + c], strength = Math.abs(share(m, value, row)), largest = found[row] === c;
        if (strength < 0.03 && !largest) continue;
        const meant = (!focus.rows.length || focus.rows.includes(row)) && (!focus.columns.length || focus.columns.includes(c));
        const known = value < 0 ? "wrong" : largest ? outcome(sentence, m, row, c) : "", hex = MARKS[theme][known] || ours;
        const alpha = (largest ? Math.max(strength, 0.3) : strength) * (meant ? 1 : 0.12);
        line(columns[c], rows[row], { stroke: `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))},${alpha.toFixed(3)})`, width: largest ? 2.5 : 1.3, dash: known === "wrong" ? [7, 5] : [] });
      }
    const nodes = (places, edges, names, on) => {
      for (const [a, b] of edges) line(places[a], places[b], { stroke: soft, width: 1.3 });
      places.forEach(([x, y], i) => {
        const at = on.includes(i);
        pen.path(disc(x, y, NODE), { fill: style("--card"), stroke: at ? ours : ink, width: at ? 3 : 1 });
        pen.text(fitted(names[i], 10, 2 * NODE - 2), x, y + 0.5, { fill: ink, size: 10, align: "center", weight: at ? "700" : "normal" });
      });
    };
    nodes(columns, sourceEdges, m.columns, focus.columns);
    nodes(rows, targetEdges, m.rows, focus.rows);
  },
  cell(_m, at, x, y) {
    const { rows, columns } = SECOND.nodes(at);
    const near = (places) => places.findIndex((place) => Math.hypot(place[0] - x, place[1] - y) <= NODE + 3);
    const row = near(rows), column = near(columns);
    return row >= 0 ? { row, column: null } : column >= 0 ? { row: null, column } : NOWHERE;
  },
};
