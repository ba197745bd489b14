package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// NewRerun asks for pages that were read before to be read again, by the server's present model and programs.
type NewRerun struct {
	Documents []string          `json:"documents,omitempty" maxItems:"100" doc:"Documents; none: all that the condition finds."`
	Where     string            `json:"where,omitempty" maxLength:"4096" doc:"Condition over the columns of the view page_status." example:"confidence < 0.6 or state = 'failed'"`
	Tasks     []string          `json:"tasks,omitempty" maxItems:"32" doc:"Tasks; none: all that the pages were read for."`
	Options   map[string]string `json:"options,omitempty" doc:"Options that differ from those of the run before."`
	Promote   string            `json:"promote,omitempty" enum:"never,gaps,always" doc:"What becomes current when the run ends: nothing, pages that the run before could not read, or all that this one could."`
	// The model, where it is not the server's own. A worker that has it reads.
	Checkpoint string            `json:"checkpoint,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"Hash of the model's files, where another model than the server's is to read: a worker that has it will."`
	Profiles   map[string]string `json:"profiles,omitempty" doc:"By task, the hash of that model's profile."`
	By         string            `json:"by,omitempty" maxLength:"100" doc:"Who asks. Kept, not verified."`
	After      string            `json:"after,omitempty" maxLength:"100" doc:"Next of the answer before."`
}

// Rerun is one run that a NewRerun made.
type Rerun struct {
	Document string `json:"document"`
	Task     string `json:"task"`
	Run      int64  `json:"run,omitempty" doc:"Absent where there was nothing to read."`
	Pages    []int  `json:"pages" doc:"Pages that are read."`
	Skipped  []int  `json:"skipped,omitempty" doc:"Pages that a run of the same fingerprint has read, or is about to."`
}

// RerunList is what became of a NewRerun.
type RerunList struct {
	Runs []Rerun `json:"runs"`
	Next string  `json:"next,omitempty" doc:"Value of \"after\" for the rest; absent when that was all."`
}

// RunDetail is a run with its pages.
type RunDetail struct {
	Run
	Document string            `json:"document"`
	Promote  string            `json:"promote" enum:"never,gaps,always"`
	By       string            `json:"by,omitempty"`
	Parts    map[string]string `json:"parts" doc:"The fingerprint: checkpoint, adapter, profile, plugin, renderer, kernel."`
	Pages    []RunPage         `json:"pages,omitempty"`
}

// RunPage is where a run stands on a page.
type RunPage struct {
	Page        int      `json:"page"`
	State       string   `json:"state"`
	Current     bool     `json:"current" doc:"Whether results, views and files show it."`
	Records     int      `json:"records"`
	Corrections int      `json:"corrections,omitempty" doc:"By people, in force over its rows."`
	Confidence  *float64 `json:"confidence,omitempty" doc:"Mean of the rows that have one."`
	Model       string   `json:"model,omitempty"`
	Seconds     float64  `json:"seconds,omitempty"`
	Tokens      int      `json:"tokens,omitempty"`
	Failure     *Failure `json:"failure,omitempty"`
}

// RunList is every run of a document, oldest first, and what became current when.
type RunList struct {
	Runs       []RunDetail `json:"runs"`
	Promotions []Promotion `json:"promotions"`
}

// Change asks for a run to be promoted, or for that to be undone.
type Change struct {
	Pages []int  `json:"pages,omitempty" maxItems:"10000" doc:"Only these."`
	By    string `json:"by,omitempty" maxLength:"100" doc:"Who asks. Kept, not verified."`
}

// Promotion says that pages show another run.
type Promotion struct {
	Revision int64     `json:"revision,omitempty" doc:"Of the document; absent where nothing changed."`
	Task     string    `json:"task"`
	From     int64     `json:"from,omitempty" doc:"Run that was current; absent where there was none or there were several."`
	To       int64     `json:"to,omitempty" doc:"Run that became current; absent where there are several."`
	Reason   string    `json:"reason" enum:"request,run,undo"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Pages    []int     `json:"pages"`
	Kept     []int     `json:"kept,omitempty" doc:"Pages left as they were, because the run could not read them. Name them to have them all the same."`
}

// Rerun has pages read again, all that it asks for, and calls each with every run made. It is repeated when the
// connection breaks: a run that is there is not made again.
func (c *Client) Rerun(ctx context.Context, n NewRerun, each func(Rerun) error) error {
	for {
		list, err := post[RerunList](ctx, c, "runs", n)
		if err != nil {
			return err
		}
		for _, r := range list.Runs {
			if err := each(r); err != nil {
				return err
			}
		}
		if list.Next == "" {
			return nil
		}
		if list.Next == n.After {
			return fmt.Errorf("api: runs do not go on after %q", list.Next)
		}
		n.After = list.Next
	}
}

// Runs lists the runs of a document and what became current when.
func (c *Client) Runs(ctx context.Context, document string) (RunList, error) {
	return get[RunList](ctx, c, "documents/"+url.PathEscape(document)+"/runs", nil)
}

// Run tells about one run, without its pages.
func (c *Client) Run(ctx context.Context, run int64) (RunDetail, error) {
	return get[RunDetail](ctx, c, "runs/"+strconv.FormatInt(run, 10), nil)
}

// RunResults reads what a run has read of a relation, whether it is current or not, and calls each with every record.
func (c *Client) RunResults(ctx context.Context, run int64, o ResultQuery, each func(Record) error) error {
	for {
		q := pageQuery(o.After, o.Limit)
		if o.Page > 0 {
			q.Set("page", strconv.Itoa(o.Page))
		}
		list, err := get[RecordList](ctx, c, fmt.Sprintf("runs/%d/results/%s", run, url.PathEscape(o.Relation)), q)
		if err != nil {
			return err
		}
		for _, r := range list.Records {
			if err := each(r); err != nil {
				return err
			}
		}
		if list.Next == "" {
			return nil
		}
		if list.Next == o.After {
			return fmt.Errorf("api: results of run %d do not go on after %q", run, list.Next)
		}
		o.After = list.Next
	}
}

// Promote makes a run current. Doing it twice is doing it once.
func (c *Client) Promote(ctx context.Context, run int64, change Change) (Promotion, error) {
	return post[Promotion](ctx, c, fmt.Sprintf("runs/%d/promote", run), change)
}

// Undo takes promotions of a run back.
func (c *Client) Undo(ctx context.Context, run int64, change Change) (Promotion, error) {
	return post[Promotion](ctx, c, fmt.Sprintf("runs/%d/undo", run), change)
}

// post sends a request that does nothing the second time.
func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var answer T
	encoded, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	err = c.retry(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(path), bytes.NewReader(encoded))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		return c.do(req, &answer)
	})
	return answer, err
}
