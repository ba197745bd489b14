package main

import (
	"testing"

	"palimpsest.dev/api"
)

// Pages are counted as pages while one task reads them, and readings where several do.
func TestProgressOfADocument(t *testing.T) {
	t.Parallel()
	one := []api.Run{{Task: "ocr"}}
	for want, d := range map[string]api.Document{
		"0/3 pages":                     {Pages: 3, Runs: one, Progress: api.Progress{Total: 3, Open: 3}},
		"2/3 pages, 1 failed":           {Pages: 3, Runs: one, Progress: api.Progress{Total: 3, Open: 1, States: map[string]int{"done": 1, "failed": 1, "running": 1}}},
		"1 page, 2/3 readings, 1 blank": {Pages: 1, Runs: append(one, api.Run{Task: "regions"}, api.Run{Task: "table"}), Progress: api.Progress{Total: 3, Open: 1, States: map[string]int{"done": 1, "blank": 1, "queued": 1}}},
		"5/5 pages":                     {Runs: one, Progress: api.Progress{Total: 4, States: map[string]int{"done": 5}}},
	} {
		if got := progressOf(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
