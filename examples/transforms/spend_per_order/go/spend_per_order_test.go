package spendperorder

import "testing"

func TestDividesMoneyByOrders(t *testing.T) {
	if got := SpendPerOrder(30, 4); got == nil || *got != 7.5 {
		t.Error(got)
	}
}

func TestIsNullWithoutOrders(t *testing.T) {
	if got := SpendPerOrder(30, 0); got != nil {
		t.Error(*got)
	}
}
