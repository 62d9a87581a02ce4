// A lesson on paper: its numbers, which another thread is sent, and its ids, which stay with whoever names things.

import type { Ids } from "../data/vocabulary.ts";
import type { ModelConfig } from "../model/config.ts";
import { type ClickLessonNumbers, clickLesson } from "./click-lesson.ts";
import { type HistoryNumbers, historyLesson } from "./history-lesson.ts";
import type { Lesson } from "./lesson.ts";
import { type SequenceLessonNumbers, sequenceLesson } from "./sequence-lesson.ts";

/** Who the rows of a model's tables are. */
export interface PartIds {
  items: Ids;
  /** Users with an interest of their own; undefined unless `interest=user`. */
  users: Ids | undefined;
}

/** The numbers of a lesson of any kind: plain objects and typed arrays. */
export type LessonNumbers = HistoryNumbers | ClickLessonNumbers | SequenceLessonNumbers;

/** A lesson that another thread can hold. */
export interface LessonPlan {
  numbers: LessonNumbers;
  ids: { training: PartIds; everything: PartIds | undefined };
}

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
