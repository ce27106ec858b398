// Package purchasesperdollar teaches nulls, and a division that has no answer.
package purchasesperdollar

// PurchasesPerDollar is the number of purchases for each dollar spent; null where either is unknown or nothing was
// spent.
//
//skewless:transform
func PurchasesPerDollar(
	purchases *int64, // Number of purchases.
	spend *float64, // Money spent, in US dollars.
) *float64 {
	if purchases == nil || spend == nil || *spend == 0 {
		return nil
	}
	return new(float64(*purchases) / *spend)
}
