package purchasesperdollar

import "testing"

func TestDividesPurchasesByDollars(t *testing.T) {
	if got := PurchasesPerDollar(new(int64(10)), new(50.0)); got == nil || *got != 0.2 {
		t.Error(got)
	}
}

func TestIsNullWhereThereIsNoAnswer(t *testing.T) {
	for _, got := range []*float64{
		PurchasesPerDollar(nil, new(50.0)),
		PurchasesPerDollar(new(int64(10)), nil),
		PurchasesPerDollar(new(int64(10)), new(0.0)),
	} {
		if got != nil {
			t.Error(*got)
		}
	}
}
