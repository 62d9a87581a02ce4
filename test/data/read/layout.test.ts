import { expect, test } from "vitest";
import { layOut } from "../../../src/data/read/layout.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf } from "../support.ts";

const places = (head: string, options = {}) => {
  const { header, user, item, rating, time } = layOut(head, ",", options, "log.csv");
  return [header, user, item, rating, time];
};

test("columns are found by the usual names, in any case and spelling, of several by the most telling", () => {
  for (const [names, want] of [
    ["userId,movieId,rating,timestamp", [0, 1, 2, 3]],
    ["SessionId,ItemId,Time", [0, 1, -1, 2]],
    ["InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID", [4, 1, -1, 3]],
    ["overall,unixReviewTime,asin,reviewerID", [3, 2, 0, 1]],
    ["timestamp,visitorid,event,itemid", [1, 3, -1, 0]],
    ["event_time,event_type,product_id,category_id,price,user_id,user_session", [5, 2, -1, 0]],
    ["user_id:token,item_id:token,rating:float,timestamp:float", [0, 1, 2, 3]],
    ["session_id,user_id,product,sku,date", [1, 2, -1, 4]],
    ["customer,article,score,ts", [0, 1, 2, 3]],
  ] as const) {
    const row = names
      .split(",")
      .map((_, at) => at)
      .join(",");
    expect([names, places(`${names}\n${row}\n`)]).toEqual([names, [true, ...want]]);
  }
});

test("columns without names are told by their values", () => {
  for (const [rows, want] of [
    ["196,242,3,881250949\n186,302,3,891717742\n", [0, 1, 2, 3]],
    ["u,i,2026-11-24\nv,j,2026-11-25\n", [0, 1, -1, 2]],
    ["2026-11-24 10:00:00,u,i\n2026-11-25 10:00:00,v,j\n", [1, 2, -1, 0]],
    ["11,2014-04-07T10:51:09.277Z,214536502\n11,2014-04-07T10:54:09.868Z,214536500\n", [0, 2, -1, 1]],
    ["u,i\nv,j\n", [0, 1, -1, -1]],
    ["u,i,4.5\nv,j,3\n", [0, 1, 2, -1]],
    ["u,i,1764000000000\n", [0, 1, -1, 2]],
  ] as const) {
    expect([rows, places(rows)]).toEqual([rows, [false, ...want]]);
  }
});

test("a first line of words above numbers is a header, and its unknown names are listed", async () => {
  const error = await errorOf(() => layOut("who,what,when\n1,2,881250949\n", ",", {}, "log.csv"));
  expect(error).toBeInstanceOf(DataError);
  expect([error.code, error.message]).toEqual([
    "DATA_COLUMN_MISSING",
    'log.csv: got the columns "who", "what", "when", expected a user and an item column. ' +
      "Name them: --columns user=…,item=…,time=…",
  ]);
  expect((await errorOf(() => layOut("user,what\n1,2\n", ",", {}, "log.csv"))).message).toContain(
    "expected an item column",
  );
});

test("columns that cannot be told apart ask for numbers", async () => {
  for (const head of [
    "a,b,c,d,e\nf,g,h,i,j\n",
    "1,2,3,4\n5,6,7,8\n",
    "a,b,c\nd,e,f\n",
    "1,2,20711\n3,4,90210\n",
    "one\ntwo\n",
  ]) {
    expect((await errorOf(() => layOut(head, ",", {}, "log.csv"))).code).toBe("DATA_COLUMNS_UNKNOWN");
  }
});

test("named columns override the guess, by name, number or both", () => {
  const head = "when,who,what,user\n1,2,3,4\n";
  expect(places(head, { columns: "user=who,item=what,time=when" })).toEqual([true, 1, 2, -1, 0]);
  expect(places(head, { columns: "user=2,item=3" })).toEqual([true, 1, 2, -1, -1]);
  expect(places(head, { columns: "item=3,user=WHO,rating=1" })).toEqual([true, 1, 2, 0, -1]);
  expect(places("5,6,7\n8,9,10\n", { columns: "user=3,item=1,time=2" })).toEqual([false, 2, 0, -1, 1]);
});

test("header: false makes the first line a row, header: true makes it the names", () => {
  expect(places("user,item\nu,a\n", { header: false })[0]).toBe(false);
  expect(places("1,2\nu,a\n", { header: true, columns: "user=1,item=2" })[0]).toBe(true);
});

test("a named column that is not there, or there twice, is refused with what is there", async () => {
  for (const [head, options, code, text] of [
    [
      "user,item\n",
      { columns: "user=user,item=product" },
      "DATA_COLUMN_MISSING",
      '"user", "item", expected "product" for the item',
    ],
    ["user,item\n", { columns: "user=1,item=3" }, "DATA_COLUMN_MISSING", "expected a column 3 for the item"],
    ["1,2,3\n", { columns: "user=id,item=2", header: false }, "DATA_COLUMN_MISSING", "got 3 columns without names"],
    ["id,ID,id\n", { columns: "user=ID,item=id" }, "DATA_COLUMN_AMBIGUOUS", 'got 2 columns called "id" (1, 3)'],
  ] as const) {
    const error = await errorOf(() => layOut(head, ",", options, "log.csv"));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  }
});
