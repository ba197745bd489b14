package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/cron"
	"palimpsest.dev/store/internal/db"
)

// NewScanSource asks for a folder or bucket to be scanned on a schedule. Whether the location may be read and whether
// the tasks exist is for the caller to check.
type NewScanSource struct {
	Tenant      string // empty means DefaultTenant
	Name        string // a-z, 0-9, dots, dashes, underscores; empty: made from the location
	Location    string // s3://bucket/prefix, or the absolute path of a folder of the server
	Credentials string // name of the server's setting that holds endpoint and keys; empty: the server's own store
	Cron        string // five fields in UTC, see package cron
	Tasks       []string
	Options     map[string]string
	Include     []string // patterns of names or paths that are taken; none: all but sidecar files
	Exclude     []string // patterns of those left alone
}

// ScanSource is a folder or bucket that is scanned on a schedule.
type ScanSource struct {
	ID int64
	NewScanSource
	Paused  bool
	Next    time.Time // zero while paused
	Created time.Time
}

// ScanSourceStatus is a source with what it holds and how its scans went.
type ScanSourceStatus struct {
	ScanSource
	Objects int64 // there at the last look
	Failing int64 // of these, how many could not be taken
	Open    *Scan // waiting or under way; nil where none is
	Last    *Scan // the newest that has ended; nil before the first
}

// SourceObject is what a source holds under one key, as the last scan found it.
type SourceObject struct {
	Key      string
	Version  string // equal means that the content is taken to be the same
	Bytes    int64
	Modified time.Time
	Hash     string // of the content when it was last fetched; empty where that never succeeded
	Failure  *Failure
}

const (
	maxLocationBytes = 4 << 10
	// MaxKeyBytes bounds an object's key: what S3 allows.
	MaxKeyBytes = 1 << 10
	// maxSources bounds the sources of a tenant, and with them a list.
	maxSources = 1000
	maxOptions = 64
	// maxPatterns and maxPatternBytes bound what a source takes and leaves.
	maxPatterns     = 64
	maxPatternBytes = 256
)

var (
	sourceNameForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	credentialsForm = regexp.MustCompile(`^([A-Z][A-Z0-9_]{0,62})?$`)
	notInSourceName = regexp.MustCompile(`[^a-z0-9]+`)
)

func (n *NewScanSource) check() (cron.Schedule, error) {
	if n.Tenant == "" {
		n.Tenant = DefaultTenant
	}
	if n.Name == "" {
		n.Name = sourceName(n.Location)
	}
	invalid := func(format string, args ...any) (cron.Schedule, error) {
		return cron.Schedule{}, fmt.Errorf("store: source %.80q: %s: %w", n.Name, fmt.Sprintf(format, args...), ErrInvalid)
	}
	switch {
	case !sourceNameForm.MatchString(n.Name):
		return invalid("a name has up to 63 characters a-z, 0-9, dot, dash and underscore and begins with a letter or digit")
	case n.Location == "" || len(n.Location) > maxLocationBytes || n.Location != cleanText(n.Location):
		return invalid("the location must be text of 1 to %d bytes", maxLocationBytes)
	case !credentialsForm.MatchString(n.Credentials):
		return invalid("credentials %.80q must be the name of a setting: capital letters, digits, underscores", n.Credentials)
	case len(n.Tasks) == 0 || len(n.Tasks) > maxRuns:
		return invalid("%d tasks asked for, must be 1 to %d", len(n.Tasks), maxRuns)
	case len(n.Options) > maxOptions:
		return invalid("%d options given, at most %d", len(n.Options), maxOptions)
	}
	for i, t := range n.Tasks {
		if !taskForm.MatchString(t) || slices.Contains(n.Tasks[:i], t) {
			return invalid("%.40q is not the name of a task, or asked for twice", t)
		}
	}
	if len(n.Include)+len(n.Exclude) > maxPatterns {
		return invalid("%d patterns given, at most %d", len(n.Include)+len(n.Exclude), maxPatterns)
	}
	for _, p := range slices.Concat(n.Include, n.Exclude) {
		if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > maxPatternBytes || p != cleanText(p) {
			return invalid("%.80q is no pattern of up to %d bytes, like *.tif, drafts/ or **/thumbs/*", p, maxPatternBytes)
		}
	}
	schedule, err := cron.Parse(n.Cron)
	if err != nil {
		return invalid("%v", err)
	}
	return schedule, nil
}

// sourceName makes a name from a location: s3://bucket/letters/1890/ becomes bucket-letters-1890, and of a folder's
// path the last two parts are taken.
func sourceName(location string) string {
	rest, inBucket := strings.CutPrefix(location, "s3://")
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	if !inBucket {
		parts = parts[max(0, len(parts)-2):]
	}
	name := strings.Trim(notInSourceName.ReplaceAllString(strings.ToLower(strings.Join(parts, "-")), "-"), "-")
	if name == "" {
		return "source"
	}
	return strings.TrimRight(name[:min(len(name), 63)], "-")
}

// AddSource stores a source; its first scan is the schedule's next. ErrConflict where the name is taken, ErrInvalid
// where a value is wrong, the schedule included.
func (s *Store) AddSource(ctx context.Context, n NewScanSource) (src ScanSource, err error) {
	schedule, err := n.check()
	if err != nil {
		return ScanSource{}, err
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		now, err := s.q.DatabaseTime(ctx, tx)
		if err != nil {
			return fmt.Errorf("store: source %s: %w", n.Name, err)
		}
		row, err := s.q.InsertSource(ctx, tx, db.InsertSourceParams{
			Tenant: n.Tenant, Name: n.Name, Location: n.Location, Credentials: n.Credentials, Cron: schedule.String(),
			Tasks: n.Tasks, Options: optionsJSON(n.Options), Include: append([]string{}, n.Include...), Exclude: append([]string{}, n.Exclude...), NextAt: timestamp(schedule.Next(now)),
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("store: there is a source named %q: %w", n.Name, ErrConflict)
		}
		if err != nil {
			return found(err, "source %s", n.Name)
		}
		total, err := s.q.CountSources(ctx, tx, n.Tenant)
		if err == nil && total > maxSources {
			err = fmt.Errorf("there are %d sources already: %w", maxSources, ErrInvalid)
		}
		src = readSource(row)
		return found(err, "source %s", n.Name)
	})
	return src, err
}

// Sources lists a tenant's sources by name.
func (s *Store) Sources(ctx context.Context, tenant string) ([]ScanSourceStatus, error) {
	rows, err := s.q.ListSources(ctx, s.pool, db.ListSourcesParams{Tenant: tenantOr(tenant), MaxRows: maxSources})
	if err != nil {
		return nil, found(err, "sources")
	}
	return s.sourceStatus(ctx, rows)
}

// Source reads one source and up to failures of its objects that could not be taken.
func (s *Store) Source(ctx context.Context, tenant, name string, failures int) (ScanSourceStatus, []SourceObject, error) {
	row, err := s.q.SourceOfTenant(ctx, s.pool, db.SourceOfTenantParams{Tenant: tenantOr(tenant), Name: name})
	if err != nil {
		return ScanSourceStatus{}, nil, found(err, "source %.80q", name)
	}
	status, err := s.sourceStatus(ctx, []db.Source{row})
	if err != nil {
		return ScanSourceStatus{}, nil, err
	}
	failing, err := s.q.FailingObjects(ctx, s.pool, db.FailingObjectsParams{Source: row.ID, MaxRows: int32(failures)})
	if err != nil {
		return ScanSourceStatus{}, nil, found(err, "objects of source %s", name)
	}
	objects := make([]SourceObject, len(failing))
	for i, o := range failing {
		objects[i] = readSourceObject(o)
	}
	return status[0], objects, nil
}

func (s *Store) sourceStatus(ctx context.Context, rows []db.Source) ([]ScanSourceStatus, error) {
	out, at, ids := make([]ScanSourceStatus, len(rows)), map[int64]int{}, make([]int64, len(rows))
	for i, r := range rows {
		out[i], at[r.ID], ids[i] = ScanSourceStatus{ScanSource: readSource(r)}, i, r.ID
	}
	tallies, err := s.q.SourceTallies(ctx, s.pool, ids)
	if err != nil {
		return nil, found(err, "objects of sources")
	}
	for _, t := range tallies {
		out[at[t.Source]].Objects, out[at[t.Source]].Failing = t.Objects, t.Failing
	}
	scans, err := s.q.LastScans(ctx, s.pool, ids)
	if err != nil {
		return nil, found(err, "scans of sources")
	}
	for _, r := range scans {
		scan, status := readScan(r), &out[at[r.Source]]
		if scan.State.Final() {
			status.Last = &scan
		} else {
			status.Open = &scan
		}
	}
	return out, nil
}

// RemoveSource forgets a source and what was seen in it. A scan under way ends; documents stay. Where the same content
// is found again for the same tasks, it is still known.
func (s *Store) RemoveSource(ctx context.Context, tenant, name string) error {
	// A scan's step holds the scan's row and wants the source's; this holds them the other way round.
	return s.tx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.DeleteSource(ctx, tx, db.DeleteSourceParams{Tenant: tenantOr(tenant), Name: name})
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return found(err, "source %.80q", name)
	})
}

// PauseSource stops the schedule of a source, or lets it go on with its next time from now. A scan under way goes on.
func (s *Store) PauseSource(ctx context.Context, tenant, name string, paused bool) (src ScanSource, err error) {
	tenant = tenantOr(tenant)
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.SourceOfTenant(ctx, tx, db.SourceOfTenantParams{Tenant: tenant, Name: name})
		if err != nil || row.Paused == paused {
			src = readSource(row)
			return found(err, "source %.80q", name)
		}
		var next time.Time
		if !paused {
			now, err := s.q.DatabaseTime(ctx, tx)
			if err != nil {
				return found(err, "source %s", name)
			}
			schedule, err := cron.Parse(row.Cron)
			if err != nil {
				return fmt.Errorf("store: schedule of source %s: %w", name, err) // it was read when it was stored
			}
			next = schedule.Next(now)
		}
		row, err = s.q.PauseSource(ctx, tx, db.PauseSourceParams{Tenant: tenant, Name: name, Paused: paused, NextAt: timestamp(next)})
		src = readSource(row)
		return found(err, "source %s", name)
	})
	return src, err
}

func readSource(r db.Source) ScanSource {
	src := ScanSource{ID: r.ID, Paused: r.Paused, Next: r.NextAt.Time, Created: r.CreatedAt, NewScanSource: NewScanSource{
		Tenant: r.Tenant, Name: r.Name, Location: r.Location, Credentials: r.Credentials, Cron: r.Cron, Tasks: r.Tasks,
		Include: r.Include, Exclude: r.Exclude,
	}}
	_ = json.Unmarshal(r.Options, &src.Options) // written by AddSource alone
	return src
}

func readSourceObject(r db.SourceObject) SourceObject {
	return SourceObject{Key: r.Key, Version: r.Version, Bytes: r.Bytes, Modified: r.ModifiedAt.Time, Hash: r.Hash.String,
		Failure: readFailure(r.Failure)}
}

func tenantOr(tenant string) string {
	if tenant == "" {
		return DefaultTenant
	}
	return tenant
}

// timestamp maps the zero time to NULL.
func timestamp(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}
