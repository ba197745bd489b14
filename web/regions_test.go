package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

var _ Regions = (*store.Store)(nil)

// drawnRegions remembers what was drawn.
type drawnRegions struct {
	last store.NewRegion
	err  error
}

func (d *drawnRegions) DrawRegion(_ context.Context, n store.NewRegion) (store.DrawnRegion, error) {
	d.last = n
	run := store.Run{ID: 9, Task: "table"}
	return store.DrawnRegion{Run: 8, Regions: []store.Region{{Kind: n.Kind, Box: n.Box, Confidence: 1, Source: "person"}, {Kind: "text", Confidence: math.NaN(), Source: "model"}},
		Again: []store.Rerun{{Run: run, Pages: []int{n.Page}}}}, d.err
}

func TestDrawingARegionOverHTTP(t *testing.T) {
	t.Parallel()
	regions := &drawnRegions{}
	readers := func(_ context.Context, kind string) ([]store.NewRun, error) {
		return []store.NewRun{{Task: "reads_" + kind}}, nil
	}
	_, c, doc := serveOne(t, func(c *Config) { c.Regions, c.ReadersOf = regions, readers })
	id := store.DocumentID(doc.ID)
	ask := api.NewRegion{Kind: "table", Box: [4]float64{1, 2, 3, 4}, By: "ada"}
	got, err := c.DrawRegion(t.Context(), doc.ID, 2, ask)
	if err != nil {
		t.Fatal(err)
	}
	if n := regions.last; n.Document != id || n.Page != 2 || n.Kind != "table" || n.Box != ask.Box || n.Actor != "ada" || len(n.Reads) != 1 || n.Reads[0].Task != "reads_table" {
		t.Errorf("drawn %+v", n)
	}
	if got.Run != 8 || len(got.Regions) != 2 || got.Regions[0].Confidence == nil || got.Regions[1].Confidence != nil || len(got.Again) != 1 || got.Again[0].Run != 9 || got.Again[0].Task != "table" {
		t.Errorf("answer %+v", got)
	}
	for name, c2 := range map[string]struct {
		page   int
		ask    api.NewRegion
		err    error
		status int
	}{
		"no such page":       {3, ask, nil, 404},
		"an unknown kind":    {2, api.NewRegion{Kind: "cat", Box: ask.Box}, nil, 422},
		"off the page":       {2, ask, fmt.Errorf("store: box: %w", store.ErrInvalid), 422},
		"a document at work": {2, ask, fmt.Errorf("store: it is running: %w", store.ErrConflict), 409},
	} {
		regions.err = c2.err
		_, err := c.DrawRegion(t.Context(), doc.ID, c2.page, c2.ask)
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != c2.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}
