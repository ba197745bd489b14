package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"palimpsest.dev/ingest"
	"palimpsest.dev/store/blob"
)

// nth stands before each query of a digest: runs are counted within their document and task, because their numbers come
// from a sequence, which skips some after a crash.
const nth = `with run as (select r.*, row_number() over (partition by document, task order by id) as nth from palimpsest.run r) `

// digested are the queries whose lines are the content of a database: every column of every row, but for what counts or
// times attempts and for numbers given in the order of work. Rows are named by document, page, task, run and place.
var digested = map[string]string{
	"document": `select d.id, to_jsonb(d) - '{job,created_at,updated_at,finished_at}'::text[] from palimpsest.document d`,
	"run":      `select r.document, to_jsonb(r) - '{id,created_at,finished_at}'::text[] from run r`,
	"page":     `select p.document, to_jsonb(p) - '{id,created_at}'::text[] from palimpsest.page p`,
	"page run": `select pr.document, to_jsonb(pr) - '{id,page,run,job,attempts,seconds,queued_at,started_at,finished_at}'::text[]
		|| jsonb_build_object('number', p.number, 'run', r.nth) from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page join run r on r.id = pr.run`,
	"object": `select o.document, to_jsonb(o) - '{id,page_run,created_at}'::text[] || jsonb_build_object('number', p.number, 'run', r.nth)
		from palimpsest.object o left join palimpsest.page_run pr on pr.id = o.page_run left join palimpsest.page p on p.id = pr.page
		left join run r on r.id = pr.run`,
	"promotion": `select h.document, to_jsonb(h) - '{id,from_run,to_run,created_at}'::text[] || jsonb_build_object('from', f.nth, 'to', r.nth)
		from palimpsest.promotion h left join run f on f.id = h.from_run join run r on r.id = h.to_run`,
}

// digest reads the content of a side: for each document its lines, sorted. Rows of tasks and published files are among
// them.
func (w *world) digest(t *testing.T, side string) map[string][]string {
	t.Helper()
	pool := w.pool(t, side)
	lines := map[string][]string{}
	collect := func(kind, query string) {
		rows, err := pool.Query(t.Context(), nth+query)
		check(t, err)
		var id, row string
		_, err = pgx.ForEachRow(rows, []any{&id, &row}, func() error {
			lines[id] = append(lines[id], kind+" "+row)
			return nil
		})
		check(t, err)
	}
	for kind, query := range digested {
		collect(kind, strings.Replace(query, ", to_jsonb", "::text, to_jsonb", 1))
	}
	for _, relation := range w.relations(t, pool) {
		collect(relation, `select pr.document::text, to_jsonb(x) - 'page_run' || jsonb_build_object('number', p.number, 'run', r.nth) from `+
			relation+` x join palimpsest.page_run pr on pr.id = x.page_run join palimpsest.page p on p.id = pr.page join run r on r.id = pr.run`)
	}
	for key, content := range w.objects(t, side, "documents/") {
		for _, d := range w.documents {
			if strings.HasPrefix(key, blob.Folder(d.name, string(d.id))+"/") {
				lines[string(d.id)] = append(lines[string(d.id)], "published "+key+" "+sum(content))
			}
		}
	}
	for id := range lines {
		slices.Sort(lines[id])
	}
	return lines
}

// relations are the tables of tasks.
func (w *world) relations(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), "select 'task_' || task || '.' || name from palimpsest.relation order by 1")
	check(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	return names
}

// raw is a client of the S3 server that knows nothing of us.
func (w *world) raw(t *testing.T) *minio.Client {
	t.Helper()
	conf := w.s3.Config()
	client, err := minio.New(conf.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(conf.AccessKey, conf.SecretKey, ""), Region: conf.Region})
	check(t, err)
	return client
}

// objects reads what lies under a prefix of a side's bucket.
func (w *world) objects(t *testing.T, side, prefix string) map[string][]byte {
	t.Helper()
	client := w.raw(t)
	all := map[string][]byte{}
	for info := range client.ListObjects(t.Context(), side, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		check(t, info.Err)
		o, err := client.GetObject(t.Context(), side, info.Key, minio.GetObjectOptions{})
		check(t, err)
		all[info.Key], err = io.ReadAll(o)
		check(t, err)
		o.Close()
	}
	return all
}

func sum(content []byte) string {
	h := sha256.Sum256(content)
	return hex.EncodeToString(h[:])
}

// sameAs compares the contents of two sides and says where they differ. It returns the digest of the first.
func sameAs(t *testing.T, got, want map[string][]string) string {
	t.Helper()
	const shown = 20
	differences := 0
	report := func(what, line string) {
		if differences++; differences <= shown {
			t.Errorf("%s: %.600s", what, line)
		}
	}
	h := sha256.New()
	for _, id := range sortedKeys(want, got) {
		g, w := got[id], want[id]
		for _, l := range g {
			fmt.Fprintln(h, l)
			if _, there := slices.BinarySearch(w, l); !there {
				report("only after the storm", l)
			}
		}
		for _, l := range w {
			if _, there := slices.BinarySearch(g, l); !there {
				report("only in the calm", l)
			}
		}
		if len(g) != len(w) {
			report("lines", fmt.Sprintf("document %s has %d after the storm and %d in the calm", id, len(g), len(w)))
		}
	}
	if differences > shown {
		t.Errorf("%d differences in all", differences)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sortedKeys(maps ...map[string][]string) (keys []string) {
	for _, m := range maps {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// sound holds what must be true of a side when all its documents have ended, whatever happened on the way.
var sound = map[string]string{
	"documents not final":                 open,
	"documents with page runs still open": "select count(*) from palimpsest.document where open_page_runs <> 0",
	"documents whose password was kept":   "select count(*) from palimpsest.document where password is not null",
	"runs not final":                      "select count(*) from palimpsest.run where state in ('queued', 'running')",
	"page runs not final":                 "select count(*) from palimpsest.page_run where state in ('queued', 'running')",
	"pages without one current run of each task": `select count(*) from (select p.id, r.task from palimpsest.page p join palimpsest.run r on r.document = p.document
		left join palimpsest.page_run pr on pr.page = p.id and pr.task = r.task and pr.current group by 1, 2 having count(distinct pr.id) <> 1) x`,
	"documents whose files are of other rows than are current": "select count(*) from palimpsest.document where revision <> finished_revision",
	"documents with another number of pages than their source": `select count(*) from palimpsest.document d
		where d.state <> 'failed' and d.pages <> (select count(*) from palimpsest.page p where p.document = d.id)`,
	"jobs that did not complete": "select count(*) from river.river_job where state <> 'completed' and kind in ('ingest', 'read', 'finish', 'scan')",
	"documents with other than one ingest job": `select count(*) from palimpsest.document d
		where (select count(*) from river.river_job j where j.kind = 'ingest' and j.args ->> 'document_id' = d.id::text) <> 1`,
	"page runs with more than one read job": `select count(*) from (select args ->> 'page_run_id' from river.river_job where kind = 'read' group by 1 having count(*) > 1) x`,
}

// audit checks what must hold when all has ended: states, objects, and what a sweep leaves.
func (w *world) audit(t *testing.T, side string) {
	t.Helper()
	pool := w.pool(t, side)
	for what, query := range sound {
		var n int
		check(t, pool.QueryRow(t.Context(), query).Scan(&n))
		if n != 0 {
			t.Errorf("%s: %d %s", side, n, what)
		}
	}
	named := w.named(t, pool)
	if len(named) == 0 {
		t.Errorf("%s: no object is named", side)
	}
	before := w.objects(t, side, "objects/")
	missing(t, side, before, named)
	// A week from now: what no row names goes, all else stays.
	swept := w.sweepLater(t, side)
	after := w.objects(t, side, "objects/")
	missing(t, side, after, named)
	if len(after) != len(named) || swept.Removed != len(before)-len(after) {
		t.Errorf("%s: %d objects are named; %d lay there, %d were swept, %d lie there now", side, len(named), len(before), swept.Removed, len(after))
	}
	t.Logf("%s: %d objects named and sound; %d that nothing named were swept", side, len(named), swept.Removed)
}

// missing looks for objects that are named and not there, or there with other content.
func missing(t *testing.T, side string, there map[string][]byte, named []string) {
	t.Helper()
	for _, hash := range named {
		if content, ok := there["objects/"+hash[:2]+"/"+hash]; !ok || sum(content) != hash {
			t.Errorf("%s: object %s is named; there: %v, %d bytes", side, hash, ok, len(content))
		}
	}
}

// named are the hashes that any row names.
func (w *world) named(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select hash from palimpsest.document union select hash from palimpsest.object union
		select h from palimpsest.page, unnest(array[raster_hash, square_hash, text_hash]) h where h is not null`)
	check(t, err)
	hashes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	return hashes
}

// sweepLater sweeps a side as if the default age had passed.
func (w *world) sweepLater(t *testing.T, side string) blob.Swept {
	t.Helper()
	b, err := openSide(t.Context(), w.pg.Database(side), w.s3.Config(), side)
	check(t, err)
	defer b.Close()
	swept, err := b.blobs.Sweep(t.Context(), b.store.Named, ingest.DefaultSweepAge)
	check(t, err)
	return swept
}

// openSide opens database and bucket of a side, with a clock that is ahead by more than the sweep's age.
func openSide(ctx context.Context, dsn string, conf blob.Config, bucket string) (*backing, error) {
	return openSideAhead(ctx, dsn, conf, bucket, ingest.DefaultSweepAge+time.Hour)
}

// openSideAhead is openSide with a clock that is ahead by so much.
func openSideAhead(ctx context.Context, dsn string, conf blob.Config, bucket string, ahead time.Duration) (*backing, error) {
	b := &backing{}
	if err := b.openStore(ctx, dsn, false, quiet); err != nil {
		return nil, err
	}
	conf.Bucket = bucket
	conf.Now = func() time.Time { return time.Now().Add(ahead) }
	if err := b.openBlobs(ctx, conf); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}
