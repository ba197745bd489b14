package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"palimpsest.dev/api"
)

// runsCmd lists the runs over documents.
type runsCmd struct {
	clientFlags
	ID []string `arg:"" name:"id" help:"Documents."`
}

// Run prints the runs, oldest first, and what became current when.
func (c *runsCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	for _, id := range c.ID {
		list, err := client.Runs(s, id)
		if err != nil {
			return c.reached(err)
		}
		if c.JSON {
			if err := json.NewEncoder(s.stdout).Encode(list); err != nil {
				return err
			}
			continue
		}
		printRuns(s.stdout, list)
	}
	return nil
}

// printRuns prints the runs of a document for a person.
func printRuns(w io.Writer, list api.RunList) {
	for _, r := range list.Runs {
		states, models, current := map[string]int{}, map[string]bool{}, []int{}
		for _, p := range r.Pages {
			states[p.State]++
			if p.Model != "" {
				models[p.Model] = true
			}
			if p.Current {
				current = append(current, p.Page)
			}
		}
		var tally []string
		for _, state := range slices.Sorted(maps.Keys(states)) {
			tally = append(tally, fmt.Sprintf("%d %s", states[state], state))
		}
		shows := "current nowhere"
		if len(current) > 0 {
			shows = "current on " + pageCount(current)
		}
		fmt.Fprintf(w, "run %d  %s  %s  %s  %s; %s\n", r.ID, r.Task, r.State, r.Created.UTC().Format("2006-01-02 15:04 UTC"), strings.Join(tally, ", "), shows)
		var facts []string
		if len(models) > 0 {
			facts = append(facts, "model "+strings.Join(slices.Sorted(maps.Keys(models)), ","))
		}
		for _, part := range []string{"checkpoint", "adapter", "profile", "plugin", "renderer", "kernel"} {
			if v := r.Parts[part]; v != "" {
				facts = append(facts, part+" "+shortHashes(v))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.Options)) {
			facts = append(facts, name+"="+r.Options[name])
		}
		if r.By != "" {
			facts = append(facts, "asked for by "+r.By)
		}
		if r.Promote != "" && r.Promote != "never" {
			facts = append(facts, "promotes "+r.Promote)
		}
		fmt.Fprintf(w, "    %s\n", strings.Join(facts, "; "))
		printFailures(w, r.Pages)
	}
	for _, p := range list.Promotions {
		printPromotion(w, p)
	}
}

// maxFailures bounds the pages whose failure is told for a run.
const maxFailures = 3

// printFailures says of the first pages that failed, or are to be tried again, why.
func printFailures(w io.Writer, pages []api.RunPage) {
	told := 0
	for _, p := range pages {
		if p.Failure == nil || told == maxFailures {
			continue
		}
		told++
		fmt.Fprintf(w, "    page %d %s: %s", p.Page, p.State, p.Failure.Message)
		if p.Failure.Hint != "" {
			fmt.Fprintf(w, "; %s", p.Failure.Hint)
		}
		fmt.Fprintln(w)
	}
}

// printPromotion prints one change of what is current.
func printPromotion(w io.Writer, p api.Promotion) {
	if len(p.Pages) == 0 {
		fmt.Fprintf(w, "%s: nothing changed", p.Task)
	} else {
		from, to := "none", "several runs"
		if p.From != 0 {
			from = fmt.Sprintf("run %d", p.From)
		} else if p.Revision != 0 && p.At.IsZero() {
			from = "before"
		}
		if p.To != 0 {
			to = fmt.Sprintf("run %d", p.To)
		}
		fmt.Fprintf(w, "revision %d  %s  %s: %s -> %s", p.Revision, p.Task, pageCount(p.Pages), from, to)
		if p.Reason == "undo" {
			fmt.Fprint(w, ", undone")
		}
	}
	if p.By != "" {
		fmt.Fprintf(w, "  by %s", p.By)
	}
	if !p.At.IsZero() {
		fmt.Fprintf(w, "  %s", p.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if len(p.Kept) > 0 {
		fmt.Fprintf(w, "; left as before, because the run could not read them: %s", pageCount(p.Kept))
	}
	fmt.Fprintln(w)
}

// shortHash is how much of a hash a person needs to see.
const shortHash = 12

// shortHashes shortens the hashes in a part of a fingerprint.
func shortHashes(part string) string {
	words := strings.Fields(part)
	for i, w := range words {
		if len(w) == 64 && strings.Trim(w, "0123456789abcdef") == "" {
			words[i] = w[:shortHash]
		}
	}
	return strings.Join(words, " ")
}
