package render

import (
	"os"
	"testing"
)

// TestMain lets Open start this test binary as a child.
func TestMain(m *testing.M) {
	if Child() {
		os.Exit(RunChild())
	}
	os.Exit(m.Run())
}
