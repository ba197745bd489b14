package api

import (
	"context"
	"fmt"
)

// NewRegion is a region drawn by hand on a page of a document that has ended.
type NewRegion struct {
	Kind string     `json:"kind" enum:"text,table,molecule,staff,film,picture" doc:"What it holds."`
	Box  [4]float64 `json:"box" doc:"x0, y0, x1, y1 in pixels of the upright page raster, half open."`
	By   string     `json:"by,omitempty" maxLength:"100" doc:"Who draws. Kept, not verified."`
}

// DrawnRegion is what became of a NewRegion.
type DrawnRegion struct {
	Run     int64    `json:"run" doc:"The run of task regions that the drawn region is."`
	Regions []Region `json:"regions" doc:"Of the page, from now on."`
	Again   []Rerun  `json:"again" doc:"Runs that read the page again."`
}

// Region is a part of a page that holds something of one kind.
type Region struct {
	Kind       string     `json:"kind"`
	Box        [4]float64 `json:"box"`
	Confidence *float64   `json:"confidence"`
	Source     string     `json:"source" doc:"model, or person: drawn by hand."`
}

// DrawRegion adds a region by hand. The tasks of the page that read such regions read it again.
func (c *Client) DrawRegion(ctx context.Context, document string, page int, r NewRegion) (DrawnRegion, error) {
	return post[DrawnRegion](ctx, c, fmt.Sprintf("documents/%s/pages/%d/regions", document, page), r)
}
