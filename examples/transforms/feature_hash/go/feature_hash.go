// Package featurehash teaches integers, and a hash that nobody changes.
package featurehash

const (
	categoryBuckets = 1_024
	crossBuckets    = 65_536
	// Between the values of a cross, so that "ab", "c" is not "a", "bc".
	separator = "\x1f"
)

// FeatureHash is the buckets of a category, and of a category crossed with a device, by FNV-1a of their UTF-8.
//
//skewless:transform
func FeatureHash(
	category string, // A category.
	device string, // A device.
) (
	categoryBucket int32, // Bucket of the category, from 0 to 1,023.
	categoryDeviceBucket int32, // Bucket of category and device together, from 0 to 65,535.
) {
	ofCategory := fnv1a(fnvStart, category)
	ofBoth := fnv1a(fnv1a(ofCategory, separator), device)
	return int32(ofCategory % categoryBuckets), int32(ofBoth % crossBuckets)
}

const (
	fnvStart uint32 = 0x811C_9DC5
	fnvPrime uint32 = 0x0100_0193
)

// fnv1a is FNV-1a with 32 bits, from a hash on.
func fnv1a(hash uint32, text string) uint32 {
	for i := range len(text) {
		hash = (hash ^ uint32(text[i])) * fnvPrime
	}
	return hash
}
