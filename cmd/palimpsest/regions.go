package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/task"
)

// regionsCmd holds the commands over the regions of pages: tables, molecules and so on, found by the model or drawn.
type regionsCmd struct {
	Add  regionsAddCmd  `cmd:"" help:"Draw a region by hand, and have it read."`
	List regionsListCmd `cmd:"" help:"List the regions of a document."`
}

type regionsAddCmd struct {
	clientFlags
	ID   string `arg:"" name:"id" help:"The document; it has to be done with."`
	Page int    `arg:"" help:"Page, from 1."`
	Kind string `arg:"" help:"What the region holds: text, table, molecule, staff, film or picture."`
	Box  string `arg:"" help:"Left, upper, right and lower edge in pixels of the page." placeholder:"X0,Y0,X1,Y1"`
	By   string `help:"Who draws. Empty: the user's name." placeholder:"NAME"`
}

// Run draws the region and says what reads it.
func (c *regionsAddCmd) Run(s *session) error {
	box, err := parseBox(c.Box)
	if err != nil {
		return usagef("region %q: %v", c.Box, err)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	drawn, err := client.DrawRegion(s, c.ID, c.Page, api.NewRegion{Kind: c.Kind, Box: box, By: whoAsks(c.By)})
	if err != nil {
		return c.wrong(err)
	}
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(drawn)
	}
	fmt.Fprintf(s.stdout, "drawn as run %d; page %d now has these regions:\n", drawn.Run, c.Page)
	printRegionHeader(s.stdout)
	for _, r := range drawn.Regions {
		printRegion(s.stdout, c.Page, r)
	}
	for _, r := range drawn.Again {
		fmt.Fprintf(s.stdout, "%s reads the page again: run %d\n", r.Task, r.Run)
	}
	if len(drawn.Again) == 0 {
		fmt.Fprintf(s.stdout, "nothing reads the page again: the region was drawn before, or no task of this document reads regions of kind %s\n", c.Kind)
	}
	return nil
}

// parseBox reads four numbers with commas between.
func parseBox(text string) ([4]float64, error) {
	var box [4]float64
	parts := strings.Split(text, ",")
	if len(parts) != len(box) {
		return box, fmt.Errorf("%d numbers, want left, upper, right and lower edge", len(parts))
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil {
			return box, fmt.Errorf("%q is no number", p)
		}
		box[i] = v
	}
	return box, nil
}

type regionsListCmd struct {
	clientFlags
	ID   string `arg:"" name:"id" help:"The document."`
	Page int    `help:"One page only."`
}

// Run prints the regions, page by page.
func (c *regionsListCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	if !c.JSON {
		printRegionHeader(out)
	}
	encoder := json.NewEncoder(out)
	err = client.AllResults(s, c.ID, task.RegionsTask, api.ResultQuery{Relation: task.RegionRelation, Page: c.Page}, func(r api.Record) error {
		if c.JSON {
			return encoder.Encode(r)
		}
		kind, _ := r.Values[task.KindColumn].(string)
		printRegion(out, r.Page, api.Region{Kind: kind, Box: r.Box, Confidence: r.Confidence, Source: r.Source})
		return nil
	})
	if err != nil {
		return c.reached(err)
	}
	return out.Flush()
}

func printRegionHeader(w io.Writer) {
	fmt.Fprintf(w, "%-5s %-9s %8s %8s %8s %8s  %-5s %s\n", "page", "kind", "x0", "y0", "x1", "y1", "conf", "source")
}

func printRegion(w io.Writer, page int, r api.Region) {
	confidence := "-"
	if r.Confidence != nil {
		confidence = fmt.Sprintf("%.2f", *r.Confidence)
	}
	fmt.Fprintf(w, "%-5d %-9s %8.1f %8.1f %8.1f %8.1f  %-5s %s\n", page, r.Kind, r.Box[0], r.Box[1], r.Box[2], r.Box[3], confidence, r.Source)
}
