package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/ingest"
	"palimpsest.dev/ingest/sources"
	"palimpsest.dev/store"
	"palimpsest.dev/web"
)

// sourceFlags say what sources may read, for every process that serves or works.
type sourceFlags struct {
	SourceRoot []string `name:"source-root" help:"Folders that sources may lie in, comma-separated; none: only S3." env:"PALIMPSEST_SOURCE_ROOTS" placeholder:"DIR"`
}

// allowed says it for people.
func (f sourceFlags) allowed() string {
	if len(f.SourceRoot) == 0 {
		return "no folder (allow some with --source-root)"
	}
	return "folders in " + strings.Join(f.SourceRoot, ", ")
}

// places joins the flags to the object store, whose server is the sources' unless they name another.
func (f sourceFlags) places(b *backing) sources.Places {
	p := sources.Places{OwnBucket: b.conf.Bucket, Named: sourceServer, Own: sources.S3{Endpoint: b.conf.Endpoint,
		AccessKey: b.conf.AccessKey, SecretKey: b.conf.SecretKey, Region: b.conf.Region, Secure: b.conf.Secure}}
	for _, root := range f.SourceRoot {
		if abs, err := filepath.Abs(root); err == nil && root != "" {
			p.Roots = append(p.Roots, abs)
		}
	}
	return p
}

// sourceServer reads an S3 server's address and keys from the environment. The variables have a prefix that nothing
// else has, so that who may add a source cannot have another secret sent somewhere.
func sourceServer(name string) (sources.S3, error) {
	prefix := "PALIMPSEST_SOURCE_" + name + "_"
	endpoint := os.Getenv(prefix + "ENDPOINT")
	if endpoint == "" {
		return sources.S3{}, &sources.Error{Kind: sources.BadInput, Message: fmt.Sprintf("no S3 server is named %.80q here", name),
			Hint: "set " + prefix + "ENDPOINT, _ACCESS_KEY, _SECRET_KEY and _REGION for every process that serves or works"}
	}
	s := sources.S3{Endpoint: endpoint, AccessKey: os.Getenv(prefix + "ACCESS_KEY"), SecretKey: os.Getenv(prefix + "SECRET_KEY"), Region: os.Getenv(prefix + "REGION")}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		s.Endpoint, s.Secure = u.Host, u.Scheme == "https"
	}
	return s, nil
}

// check sees that a new source's location may be read and can be.
func (f sourceFlags) check(b *backing) web.CheckSource {
	places := f.places(b)
	return func(ctx context.Context, location, credentials string) (string, error) {
		canonical, err := places.Resolve(location, credentials)
		if err == nil {
			err = probe(ctx, places, canonical, credentials)
		}
		var wrong *sources.Error
		if errors.As(err, &wrong) {
			return "", &api.Problem{Title: "The source cannot be read", Status: http.StatusUnprocessableEntity, Code: api.CodeBadInput,
				Detail: wrong.Error(), Hint: wrong.Hint, Limit: wrong.Limit}
		}
		return canonical, err
	}
}

func probe(ctx context.Context, places sources.Places, location, credentials string) error {
	place, err := places.Open(location, credentials)
	if err != nil {
		return err
	}
	defer place.Close()
	return sources.Probe(ctx, place)
}

// scanRuns is Runs for a scan, to which a task that is not there any more is a reason to fail and not to try again.
func (c *catalogue) scanRuns(ctx context.Context, tasks []string, options map[string]string) ([]store.NewRun, error) {
	runs, err := c.Runs(ctx, tasks, options)
	var wrong *api.Problem
	if errors.As(err, &wrong) {
		return nil, &ingest.Failure{Failure: store.Failure{Kind: store.KindBadInput, Message: wrong.Detail, Hint: wrong.Hint}, Final: true}
	}
	return runs, err
}

// sourceCmd holds the commands over sources. They talk to a server, as whoever submits does: an operator on another
// machine has HTTP only, and the server is the one to know what it may read.
type sourceCmd struct {
	Add    sourceAddCmd    `cmd:"" help:"Scan a folder or bucket on a schedule."`
	List   sourceListCmd   `cmd:"" help:"List sources with their last scan, or tell all about some."`
	Scan   sourceScanCmd   `cmd:"" help:"Scan sources now."`
	Pause  sourcePauseCmd  `cmd:"" help:"Stop the schedule of sources."`
	Resume sourceResumeCmd `cmd:"" help:"Let the schedule of sources go on."`
	Remove sourceRemoveCmd `cmd:"" help:"Forget sources; their documents stay."`
}

type sourceAddCmd struct {
	clientFlags
	Location    string            `arg:"" help:"s3://BUCKET/PREFIX, or a folder of the server that it was started with --source-root for."`
	Cron        string            `required:"" help:"When to scan, five fields in UTC: minute hour day month weekday; also @hourly, @daily, @weekly." placeholder:"EXPR"`
	Task        []string          `help:"Tasks, comma-separated. Empty: the server's default."`
	Option      map[string]string `help:"Option of a task; may be repeated." placeholder:"NAME=VALUE" mapsep:"none"`
	Include     []string          `help:"Take only files of this name (*.tif) or path (1890/**/*.pdf); may be repeated. Empty: all but sidecar files such as .xml, .txt, .md5." placeholder:"GLOB" sep:"none"`
	Exclude     []string          `help:"Leave files of this name or path alone, whatever --include says; may be repeated." placeholder:"GLOB" sep:"none"`
	Name        string            `help:"Name of the source. Empty: made from the location."`
	Credentials string            `help:"S3 server that the operator has set up as PALIMPSEST_SOURCE_NAME_ENDPOINT and so on. Empty: the server's own." placeholder:"NAME"`
}

// Run adds a source. A relative folder is made absolute here, which is right where server and user share a machine.
func (c *sourceAddCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	location := c.Location
	if !strings.Contains(location, "://") {
		if location, err = filepath.Abs(location); err != nil {
			return usagef("folder %q: %v", c.Location, err)
		}
	} else if !strings.HasPrefix(location, "s3://") {
		return usagef("location %q is neither s3://BUCKET/PREFIX nor a folder", location)
	}
	src, err := client.AddSource(s, api.NewSource{Name: c.Name, Location: location, Credentials: c.Credentials, Cron: c.Cron, Tasks: c.Task, Options: c.Option,
		Include: c.Include, Exclude: c.Exclude})
	if err != nil {
		return c.wrong(err)
	}
	return c.print(s.stdout, src)
}

// wrong makes a usage error of a request that the server takes to be wrong.
func (f clientFlags) wrong(err error) error {
	var p *api.Problem
	if errors.As(err, &p) && p.Code == api.CodeBadInput {
		return &usageError{p.Error()}
	}
	return f.reached(err)
}

type sourceListCmd struct {
	clientFlags
	Name []string `arg:"" optional:"" help:"Sources to tell all about; none: all, in short."`
}

// Run lists the sources.
func (c *sourceListCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := c.chosen(s, client, c.Name)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(s.stderr, "no sources; add one with `palimpsest source add`")
	}
	for _, src := range list {
		if err := c.print(s.stdout, src); err != nil {
			return err
		}
	}
	return nil
}

// chosen reads the sources of these names, or all.
func (f clientFlags) chosen(ctx context.Context, client *api.Client, names []string) ([]api.Source, error) {
	if len(names) == 0 {
		list, err := client.Sources(ctx)
		return list.Sources, f.reached(err)
	}
	var list []api.Source
	for _, name := range names {
		src, err := client.Source(ctx, name)
		if err != nil {
			return nil, f.reached(err)
		}
		list = append(list, src)
	}
	return list, nil
}

type sourceScanCmd struct {
	clientFlags
	Now  bool     `help:"At once, beside the schedule. There is no other way yet, so it need not be said."`
	Wait bool     `short:"w" help:"Wait for the end of the scans; fail when one is not complete."`
	Name []string `arg:"" optional:"" help:"Sources to scan; none: all that are not paused."`
}

// scanPoll is how often a scan is asked after.
const scanPoll = 300 * time.Millisecond

// Run asks for scans.
func (c *sourceScanCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := c.chosen(s, client, c.Name)
	if err != nil {
		return err
	}
	complete := true
	for _, src := range list {
		if src.Paused && len(c.Name) == 0 {
			continue
		}
		if src, err = client.ScanSource(s, src.Name); err != nil {
			return c.reached(err)
		}
		if c.Wait {
			if src, err = waitForScan(s, client, src); err != nil {
				return c.reached(err)
			}
			complete = complete && src.Last != nil && src.Last.State == "complete"
		}
		if err := c.print(s.stdout, src); err != nil {
			return err
		}
	}
	if !complete {
		return errReported
	}
	return nil
}

// waitForScan waits until the scan that is open now has ended.
func waitForScan(ctx context.Context, client *api.Client, src api.Source) (api.Source, error) {
	for open := src.Open; open != nil && (src.Last == nil || src.Last.ID < open.ID); {
		select {
		case <-ctx.Done():
			return src, ctx.Err()
		case <-time.After(scanPoll):
		}
		var err error
		if src, err = client.Source(ctx, src.Name); err != nil {
			return src, err
		}
	}
	return src, nil
}

// sourceNames are the sources a command changes.
type sourceNames struct {
	clientFlags
	Name []string `arg:"" help:"Sources."`
}

// each calls change for every source and prints what it gives.
func (c sourceNames) each(s *session, change func(*api.Client, context.Context, string) (api.Source, error)) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	for _, name := range c.Name {
		src, err := change(client, s, name)
		if err != nil {
			return c.reached(err)
		}
		if err := c.print(s.stdout, src); err != nil {
			return err
		}
	}
	return nil
}

type sourcePauseCmd struct{ sourceNames }

// Run stops schedules.
func (c *sourcePauseCmd) Run(s *session) error { return c.each(s, (*api.Client).PauseSource) }

type sourceResumeCmd struct{ sourceNames }

// Run lets schedules go on.
func (c *sourceResumeCmd) Run(s *session) error { return c.each(s, (*api.Client).ResumeSource) }

type sourceRemoveCmd struct{ sourceNames }

// Run forgets sources and prints what they were.
func (c *sourceRemoveCmd) Run(s *session) error { return c.each(s, (*api.Client).RemoveSource) }

// print prints a source for a person or a program.
func (f clientFlags) print(w io.Writer, src api.Source) error {
	if f.JSON {
		return json.NewEncoder(w).Encode(src)
	}
	next := "paused"
	if !src.Paused {
		next = "next " + src.Next.UTC().Format("2006-01-02 15:04 UTC")
	}
	fmt.Fprintf(w, "%s  %s  %s  cron %q, %s; %d objects", src.Name, src.Location, strings.Join(src.Tasks, ","), src.Cron, next, src.Objects)
	if src.Failing > 0 {
		fmt.Fprintf(w, ", %d failing", src.Failing)
	}
	fmt.Fprintln(w)
	for _, p := range []struct {
		what     string
		patterns []string
	}{{"takes", src.Include}, {"leaves", src.Exclude}} {
		if len(p.patterns) > 0 {
			fmt.Fprintf(w, "  %s %s\n", p.what, strings.Join(p.patterns, " "))
		}
	}
	for _, scan := range []*api.Scan{src.Last, src.Open} {
		if scan != nil {
			printScan(w, *scan)
		}
	}
	for _, o := range src.Failures {
		fmt.Fprintf(w, "  %s: %s: %s\n", o.Key, o.Failure.Kind, o.Failure.Message)
		if o.Failure.Hint != "" {
			fmt.Fprintf(w, "    %s\n", o.Failure.Hint)
		}
	}
	return nil
}

// printScan prints one line of a scan, and why it failed.
func printScan(w io.Writer, s api.Scan) {
	when := s.Queued
	if s.Final() {
		when = s.Finished
	}
	fmt.Fprintf(w, "  scan %d %s %s: %d seen, %d new, %d changed, %d duplicate, %d unchanged, %d skipped, %d failed, %d gone in %.1f s\n",
		s.ID, s.State, when.UTC().Format("2006-01-02 15:04:05 UTC"), s.Seen, s.New, s.Changed, s.Duplicate, s.Unchanged, s.Skipped, s.Failed, s.Gone, s.Seconds)
	if s.Failure != nil {
		fmt.Fprintf(w, "    %s: %s\n", s.Failure.Kind, s.Failure.Message)
		if s.Failure.Hint != "" {
			fmt.Fprintf(w, "    %s\n", s.Failure.Hint)
		}
	}
}
