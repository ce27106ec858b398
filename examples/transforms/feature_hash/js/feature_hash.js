// Integers of 32 bits, and a hash that nobody changes.

import { int32, string, transform } from "skewless";

const CATEGORY_BUCKETS = 1_024;
const CROSS_BUCKETS = 65_536;

/** Between the values of a cross, so that `ab`, `c` is not `a`, `bc`. */
const SEPARATOR = [0x1f];

const encoder = new TextEncoder();

export default transform({
  name: "feature_hash",
  documentation: "Buckets of a category, and of a category crossed with a device, by FNV-1a of their UTF-8.",
  inputs: { category: string("A category."), device: string("A device.") },
  outputs: {
    category_bucket: int32("Bucket of the category, from 0 to 1,023."),
    category_device_bucket: int32("Bucket of category and device together, from 0 to 65,535."),
  },
}, ({ category, device }) => {
  const ofCategory = fnv1a(FNV_START, encoder.encode(category));
  const ofBoth = fnv1a(fnv1a(ofCategory, SEPARATOR), encoder.encode(device));
  return { category_bucket: ofCategory % CATEGORY_BUCKETS, category_device_bucket: ofBoth % CROSS_BUCKETS };
});

export const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a with 32 bits, from a hash on. */
export function fnv1a(hash, bytes) {
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}
