// The kinds of lessons there are, and how each is made from the numbers another thread is sent.

import type { ModelConfig } from "../model/config.ts";
import { type ClickLessonNumbers, clickLesson } from "./click-lesson.ts";
import { type HistoryNumbers, historyLesson } from "./history-lesson.ts";
import type { Lesson, Plan } from "./lesson.ts";
import { type SequenceLessonNumbers, sequenceLesson } from "./sequence-lesson.ts";

/** The numbers of a lesson of any kind: plain objects and typed arrays. */
export type LessonNumbers = HistoryNumbers | ClickLessonNumbers | SequenceLessonNumbers;

/** A lesson on paper, of any kind. */
export type LessonPlan = Plan<LessonNumbers>;

/** Makes the lesson of some numbers. */
export function lessonOf(config: ModelConfig, numbers: LessonNumbers): Lesson {
  switch (numbers.kind) {
    case "histories":
      return historyLesson(config, numbers);
    case "clicks":
      return clickLesson(config, numbers);
    case "sequences":
      return sequenceLesson(config, numbers);
  }
}
