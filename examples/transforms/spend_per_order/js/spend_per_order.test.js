import assert from "node:assert/strict";
import { test } from "node:test";

import spendPerOrder from "./spend_per_order.js";

test("divides money by orders", () => assert.equal(spendPerOrder({ total_spend: 30, total_orders: 4n }), 7.5));

test("is null without orders", () => assert.equal(spendPerOrder({ total_spend: 30, total_orders: 0n }), null));
