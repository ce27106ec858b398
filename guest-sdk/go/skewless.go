// Package skewless is what transforms in Go are written with: the types that Go has no name for.
//
// A transform is a plain exported function with a directive above it; name, documentation and signature come from
// the function:
//
//	// SpendPerOrder is the money spent for each order; null where there was no order.
//	//
//	//skewless:transform
//	func SpendPerOrder(
//		totalSpend float64, // Money spent, in US dollars.
//		totalOrders int64, // Number of orders.
//	) *float64 {
//
// What is null is a nil pointer, a list is a [List], an instant a [Timestamp]. With "//skewless:transform columns" the
// function takes whole columns: slices where no row is null, a [Column] where rows may be. Such a function needs this
// package only where it uses one of its types.
//
// "skewless build" makes the component: the generator in skewless/generate reads the function and writes a main package
// that calls skewless/glue.
package skewless

// Scalar is a single value.
type Scalar interface {
	bool | int32 | int64 | float32 | float64 | string | []byte | Timestamp
}
