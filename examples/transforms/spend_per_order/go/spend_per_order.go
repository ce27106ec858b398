// Package spendperorder is the shortest transform.
package spendperorder

// SpendPerOrder is the money spent for each order; null where there was no order.
//
//skewless:transform
func SpendPerOrder(
	totalSpend float64, // Money spent, in US dollars.
	totalOrders int64, // Number of orders.
) *float64 {
	if totalOrders == 0 {
		return nil
	}
	return new(totalSpend / float64(totalOrders))
}
