package web

import (
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// Regions is what the route of regions needs of the database. *store.Store is one.
type Regions interface {
	DrawRegion(ctx context.Context, n store.NewRegion) (store.DrawnRegion, error)
}

// ReadersOf gives the runs, as they would be made now, of the tasks that read regions of a kind.
type ReadersOf func(ctx context.Context, kind string) ([]store.NewRun, error)

type regionInput struct {
	PagePath
	Body api.NewRegion
}

type regionOutput struct{ Body api.DrawnRegion }

// registerRegions adds the operation over regions; listing them is reading the results of the task regions.
func (s *server) registerRegions(a huma.API, op func(method, path, id, summary string, edit ...func(*huma.Operation)) huma.Operation) {
	accepted := func(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }
	huma.Register(a, op(http.MethodPost, "/v1/documents/{id}/pages/{n}/regions", "draw-region", "Draw a region by hand, and read it", accepted), s.drawRegion)
}

func (s *server) drawRegion(ctx context.Context, in *regionInput) (*regionOutput, error) {
	doc, _, err := s.page(ctx, &in.PagePath)
	if err != nil {
		return nil, err
	}
	reads, err := s.ReadersOf(ctx, in.Body.Kind)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	drawn, err := s.Regions.DrawRegion(ctx, store.NewRegion{Tenant: tenant, Document: doc, Page: in.Number, Kind: in.Body.Kind, Box: in.Body.Box,
		Actor: in.Body.By, Reads: reads})
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil, problem(http.StatusConflict, api.CodeConflict, "wait for its end, or cancel it", "%s", plain(err))
	case errors.Is(err, store.ErrInvalid):
		return nil, problem(http.StatusUnprocessableEntity, api.CodeBadInput, "GET /v1/documents/{id}/pages/{n} says how large the page is", "%s", plain(err))
	case err != nil:
		return nil, s.problemOf(ctx, err)
	}
	out := &regionOutput{api.DrawnRegion{Run: drawn.Run, Regions: []api.Region{}, Again: []api.Rerun{}}}
	for _, r := range drawn.Regions {
		region := api.Region{Kind: r.Kind, Box: r.Box, Source: r.Source}
		if !math.IsNaN(r.Confidence) {
			region.Confidence = &r.Confidence
		}
		out.Body.Regions = append(out.Body.Regions, region)
	}
	for _, r := range drawn.Again {
		out.Body.Again = append(out.Body.Again, api.Rerun{Document: string(doc), Task: r.Run.Task, Run: r.Run.ID, Pages: orEmpty(r.Pages), Skipped: r.Skipped})
	}
	return out, nil
}
