/** Baselines again, as slow loops straight from the formulas in their docstrings. */

import type { TrainingPart } from "../../src/evaluate/baselines/baseline.ts";

/** Scores of the whole catalogue for a history. */
export type Twin = (part: TrainingPart, history: readonly number[]) => number[];

function sessionsOf({ histories, trainLength }: TrainingPart): number[][] {
  return Array.from({ length: histories.offsets.length - 1 }, (_, user) =>
    Array.from(histories.item.slice(histories.offsets[user], histories.offsets[user] + trainLength[user])),
  );
}

const countIn = (sessions: number[][], item: number) => sessions.flat().filter((other) => other === item).length;
const catalogue = (part: TrainingPart) => Array.from({ length: part.histories.items.size }, (_, item) => item);
const latestFirst = (history: readonly number[], most: number) => [...history].reverse().slice(0, most);

/** Sum of weight(d) over the pairs of events a, b of one session, b being d events after a (before where d < 0). */
function near(sessions: number[][], weight: (d: number) => number): number[][] {
  const size = Math.max(0, ...sessions.flat()) + 1;
  const sums = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (const session of sessions) {
    session.forEach((a, i) => {
      session.forEach((b, j) => {
        if (i !== j) sums[a][b] += weight(j - i);
      });
    });
  }
  return sums;
}

export const popularTwin: Twin = (part) => catalogue(part).map(() => 0);

export const markovTwin: Twin = (part, history) => {
  const follows = near(sessionsOf(part), (d) => (d === 1 ? 1 : 0));
  return catalogue(part).map((b) => follows[history[history.length - 1]]?.[b] ?? 0);
};

export const sequentialRulesTwin: Twin = (part, history) => {
  const sessions = sessionsOf(part);
  const counts = catalogue(part).map((item) => countIn(sessions, item));
  const rule = near(sessions, (d) => (d >= 1 && d <= 10 ? 1 / d : 0));
  return catalogue(part).map((b) => {
    let score = 0;
    latestFirst(history, 50).forEach((a, t) => {
      const weight = rule[a]?.[b] ?? 0;
      if (weight > 0) score += ((1 / (1 + t)) * weight) / (counts[a] ** (3 / 4) * counts[b] ** (1 / 8));
    });
    return score;
  });
};

export const itemKnnTwin: Twin = (part, history) => {
  const sessions = sessionsOf(part);
  const items = catalogue(part);
  const counts = items.map((item) => countIn(sessions, item));
  const together = near(sessions, (d) => (Math.abs(d) <= 20 ? 1 / Math.sqrt(Math.abs(d)) : 0));
  const neighbours = items.map((a) => {
    const similarity = (b: number) => (together[a]?.[b] ?? 0) * (1 / (Math.sqrt(counts[a] * counts[b]) + 10));
    return new Map(
      items
        .map((b): [number, number] => [b, similarity(b)])
        .sort(([a, x], [b, y]) => y - x || counts[b] - counts[a] || a - b)
        .slice(0, 200),
    );
  });
  return items.map((b) => {
    let score = 0;
    latestFirst(history, 50).forEach((a, t) => {
      score += (1 / (1 + t)) * (neighbours[a]?.get(b) ?? 0);
    });
    return score;
  });
};

export const sessionKnnTwin: Twin = (part, history) => {
  const { offsets, time } = part.histories;
  const sessions = sessionsOf(part)
    .map((items, user) => ({ items, user, end: time[offsets[user] + items.length - 1] }))
    .filter(({ items }) => items.length > 0)
    .sort((a, b) => b.end - a.end || b.user - a.user)
    .map(({ items }) => items);
  const idf = catalogue(part).map((x) => {
    const having = sessions.filter((session) => session.includes(x)).length;
    return having === 0 ? 0 : 1 + 0.5 * Math.log2(sessions.length / having);
  });
  const query = latestFirst(history, 30);
  const neighbours = sessions
    .map((session, recency) => {
      let similarity = 0;
      query.forEach((x, t) => {
        if (query.indexOf(x) === t && session.includes(x)) similarity += (1 / (1 + t)) * idf[x];
      });
      return { session, recency, similarity: similarity * (1 / Math.sqrt(new Set(session).size)) };
    })
    .filter(({ similarity }) => similarity > 0)
    .sort((a, b) => b.similarity - a.similarity || a.recency - b.recency)
    .slice(0, 200);
  const scores = catalogue(part).map(() => 0);
  for (const { session, similarity } of neighbours) {
    const match = session.lastIndexOf(query.find((x) => session.includes(x))!);
    session.forEach((b, place) => {
      const d = place - match;
      if (Math.abs(d) > 50) return;
      const nearness = d === 0 ? 0.1 : (d < 0 ? 0.5 : 1) / Math.sqrt(Math.abs(d));
      scores[b] += similarity * nearness * idf[b];
    });
  }
  return scores;
};
