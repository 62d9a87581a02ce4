import { type BaselinePreset, popularity, recencyWeights, ScoreRanker } from "./baseline.ts";
import { SessionIndex } from "./session-index.ts";
import { SparseScores } from "./sparse.ts";

/** Events of the history that are looked up. */
export const LAST = 30;

/** Sessions, the most recent, that each item of the history brings. */
export const SAMPLE = 5000;

/** Most similar sessions that are kept. */
export const NEIGHBOURS = 200;

/** Steps to either side of the match in which a neighbour's events count. */
export const REACH = 50;

/** Weight of the events before the match, relative to those after. */
export const BEFORE = 0.5;

/** Weight of the match itself: that the same item comes again. */
export const AGAIN = 0.1;

/** Weight of rarity beside 1. */
export const RARITY = 0.5;

/**
 * Ranks by what stands in the training histories most like this one: V-SkNN of Ludewig & Jannach, UMUAI 2018, with the nearness
 * to the match of STAN (Garg et al., SIGIR 2019).
 *
 *     idf(x)    = 1 + ½ · log2(S / s(x))                                 S sessions in training, s(x) of them with x
 *     sim(n)    = Σ_t  1/(1 + t) · idf(a_t) / √|n|                       a_t in n: t events before the last, t < 30
 *     score(b)  = Σ_n  sim(n) · Σ_e  w(e − m) · idf(b)                   the 200 sessions of greatest sim; events e of b in n
 *     w(d)      = d^(−1/2) for d = 1 … 50,  ½ · |d|^(−1/2) before the match,  .1 for d = 0
 *
 * A session is a user's training history; |n| counts its distinct items; an item that the history has twice counts where it is
 * latest; m is the last event in n of the latest a_t that n has. Each a_t brings its 5,000 most recent sessions (by their last
 * event; V-SkNN cuts the union instead), so a question costs the same in a log of any size. Of equally similar sessions the more
 * recent is nearer. A user's own past is a session too: it lists what was seen.
 *
 * Chosen on validation (see `baseline.ts`): decay 1/(1 + t) (linear and quadratic ones: mean .09, against .115), nearness
 * (of none, r^d, 1/(1 + rd), d^(−1/2); .128), weights before and at the match, rarity (of 0 … pure), power 1/2 of |n| (of 0 … 1),
 * 200 neighbours (of 100 … 1,000). The sample does not bind on these data.
 */
export const sessionKnn: BaselinePreset = {
  name: "session-knn",
  summary: "what stands near the match in the histories most like this one (V-SkNN with nearness)",
  fit(part, log2) {
    const counts = popularity(part);
    const index = new SessionIndex(part, SAMPLE);
    const { sessions } = index;
    const idf = index.sessionsWith.map((count) => (count === 0 ? 0 : 1 + RARITY * log2(sessions / count)));
    const norm = index.distinct.map((count) => 1 / Math.sqrt(count));
    const recency = recencyWeights(LAST);
    const nearness = Float64Array.from({ length: REACH + 1 }, (_, d) => (d === 0 ? AGAIN : 1 / Math.sqrt(d)));
    const similar = new SparseScores(sessions);
    const match = new Uint32Array(sessions);
    const recencyOrder = Uint32Array.from({ length: sessions }, (_, session) => session);

    return new ScoreRanker(counts, (history, scores) => {
      similar.clear();
      const met = new Set<number>();
      for (let back = 0; back < Math.min(LAST, history.length); back++) {
        const item = history[history.length - 1 - back];
        if (met.has(item)) continue;
        met.add(item);
        for (let at = index.first[item]; at < index.first[item + 1]; at++) {
          const session = index.session[at];
          // The latest item of the history comes first, so it is the one that stays as the match.
          if (similar.values[session] === 0) match[session] = index.lastEvent[at];
          similar.add(session, recency[back] * idf[item]);
        }
      }
      similar.scale((session) => norm[session]);
      for (const session of similar.best(NEIGHBOURS, recencyOrder)) {
        const similarity = similar.values[session];
        const here = match[session];
        const end = Math.min(index.end[session], here + REACH + 1);
        for (let event = Math.max(index.start[session], here - REACH); event < end; event++) {
          const item = part.histories.item[event];
          const near = event < here ? BEFORE * nearness[here - event] : nearness[event - here];
          scores.add(item, similarity * near * idf[item]);
        }
      }
    });
  },
};
