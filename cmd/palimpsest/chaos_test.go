package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// chaosEnv asks for the long version and is its seed.
const chaosEnv = "PALIMPSEST_CHAOS_SEED"

// Nothing is lost and nothing doubled, whatever dies: the short version, a few kills and freezes of each kind.
func TestChaos(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("kills servers and workers for a minute")
	}
	chaos(t, 1, shortLoad(t), 3, 2)
}

// The long version: `make chaos SEED=...`.
func TestChaosLong(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv(chaosEnv), 10, 64)
	if err != nil {
		t.Skip("kills servers and workers for many minutes: make chaos SEED=1")
	}
	chaos(t, seed, longLoad(t), 20, 20)
}

// chaos processes a load twice: once in peace, and once while a driver kills and freezes workers, plugins, Postgres and
// the S3 server, each so often. Meanwhile some documents are read again by another model, whose runs are promoted. Rows
// and artifacts must be the same.
func chaos(t *testing.T, seed uint64, load []file, kills, freezes int) {
	w := newWorld(t, load)
	calmly := w.work(t, calm)
	w.exec(t, calm, letGo, "")
	w.finish(t, calm, calmly.out.String)
	calmly.stop(t)
	w.readAgainInPeace(t)

	d := newDriver(t, w, seed)
	var pages int
	pool := w.pool(t, calm)
	check(t, pool.QueryRow(t.Context(), steps).Scan(&d.all))
	check(t, pool.QueryRow(t.Context(), "select count(*) from palimpsest.page").Scan(&pages))
	t.Logf("%d documents, %d pages, read in peace; now the storm, seed %d", len(load), pages, seed)
	d.run(kills, freezes)
	w.finish(t, storm, d.workersSay)
	d.stop()
	d.report(kills, freezes)
	t.Logf("digest %s", sameAs(t, w.digest(t, storm), w.digest(t, calm)))
	w.audit(t, storm)
	w.audit(t, calm)
}

// What the driver does to a target.
const (
	kill       = "kill"              // SIGKILL, then a restart
	freeze     = "freeze"            // SIGSTOP, then SIGCONT
	freezeKill = "freeze, then kill" // SIGSTOP, then SIGKILL, then a restart
	freezeHang = "freeze for good"   // SIGSTOP, until a watchdog of ours kills it
)

// hangAfter is the host's patience with a plugin: longer than anything is frozen that wakes again, so that it hits only
// plugins that do not.
const hangAfter = 12 * time.Second

// event is one thing done to one target.
type event struct {
	at     float64 // how much of the work is done when it comes, so that no clock decides what it meets
	action string
	frozen time.Duration
	outage time.Duration // of a server, between kill and restart
	pick   int           // which of several processes
}

// longOutage is longer than the client of the object store repeats its calls: what meets it must wait and not fail.
const longOutage = 12 * time.Second

// plan lists what is done to one target, in the order of time: so many kills, so many freezes of the kinds given.
func plan(random *rand.Rand, kills, freezes int, kinds ...string) []event {
	events := make([]event, kills+freezes)
	for i := range events {
		events[i] = event{at: 0.9 * random.Float64(), action: kill, frozen: time.Duration(200+random.IntN(2300)) * time.Millisecond, pick: random.IntN(1 << 20)}
		if i >= kills {
			events[i].action = kinds[(i-kills)%len(kinds)]
		}
		if events[i].outage = time.Duration(random.IntN(1200)) * time.Millisecond; i%10 == 0 {
			events[i].outage = longOutage
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}

// driver does its worst to one side of a world.
type driver struct {
	t       *testing.T
	w       *world
	seed    uint64
	pool    *pgxpool.Pool
	workers []*keeper
	start   time.Time

	mu       sync.Mutex
	jobs     []job                     // in flight, as last seen
	steps    int                       // done of all
	all      int                       // steps there are
	done     map[string]int            // events of each target
	counts   map[string]map[string]int // target, action
	inFlight map[string]int            // kind of job
	idle     int                       // events that met no job
}

// job is a job in flight.
type job struct{ kind, document, page, args string }

func (j job) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s of %s %s", j.kind, j.document, j.page))
}

func newDriver(t *testing.T, w *world, seed uint64) *driver {
	d := &driver{t: t, w: w, seed: seed, pool: w.pool(t, storm), start: time.Now(), done: map[string]int{}, counts: map[string]map[string]int{}, inFlight: map[string]int{}}
	for i := range 2 {
		d.workers = append(d.workers, keep(t, w, fmt.Sprint("worker ", i+1)))
	}
	d.workers = append(d.workers, keep(t, w, "worker of the other model", modelEnv+"="+w.other))
	return d
}

// run executes the plans of all targets at once, and lets the documents go as the plans proceed, so that there is work
// to disturb until the end.
func (d *driver) run(kills, freezes int) {
	random := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(d.seed, n)) }
	plans := map[string][]event{
		"worker":   plan(random(1), kills, freezes, freeze, freezeKill),
		"plugin":   plan(random(2), kills, freezes, freezeHang, freeze, freeze, freeze),
		"postgres": plan(random(3), kills, freezes, freeze, freezeKill),
		"s3":       plan(random(4), kills, freezes, freeze, freezeKill),
	}
	act := map[string]func(event) string{"worker": d.worker, "plugin": d.plugin, "postgres": d.postgres, "s3": d.s3}
	for target := range plans {
		d.done[target] = 0
	}
	again := d.readAgain()
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	var actors, beside sync.WaitGroup
	beside.Go(func() { d.watch(ctx) })
	beside.Go(func() { d.letGo(ctx, kills+freezes) })
	beside.Go(func() { d.sweep(ctx) })
	for target, events := range plans {
		actors.Go(func() {
			for _, e := range events {
				d.await(patience, func() bool { return d.progress() >= e.at })
				d.await(10*time.Second, func() bool { return len(d.flying()) > 0 })
				jobs := d.flying()
				what := act[target](e)
				d.note(target, e.action, what, jobs)
			}
		})
	}
	actors.Wait()
	cancel()
	beside.Wait()
	_, err := d.pool.Exec(d.t.Context(), letGo, "")
	check(d.t, err)
	again()
}

// note counts an event and logs it with the jobs that were in flight.
func (d *driver) note(target, action, what string, jobs []job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done[target]++
	if d.counts[target] == nil {
		d.counts[target] = map[string]int{}
	}
	d.counts[target][action]++
	var names []string
	for _, j := range jobs {
		d.inFlight[j.kind]++
		names = append(names, j.String())
	}
	if len(jobs) == 0 {
		d.idle++
		names = []string{"none"}
	}
	d.t.Logf("%5.1f s, %3.0f %% of the work: %-8s %-16s %-28s in flight: %s", time.Since(d.start).Seconds(),
		100*float64(d.steps)/float64(d.all), target, action, what, strings.Join(names, "; "))
}

// steps counts what of the work is done: pages stored, pages read, documents ended.
const steps = `select (select count(*) from palimpsest.page) + (select count(*) from palimpsest.page_run where finished_at is not null)
	+ (select count(*) from palimpsest.document where finished_at is not null)`

// watch keeps the list of the jobs in flight and the count of what is done.
func (d *driver) watch(ctx context.Context) {
	for ctx.Err() == nil {
		var n int
		look, cancel := context.WithTimeout(ctx, 5*time.Second)
		jobs, err := d.running(look)
		if err == nil {
			err = d.pool.QueryRow(look, steps).Scan(&n)
		}
		if err == nil {
			d.mu.Lock()
			d.jobs, d.steps = jobs, n
			d.mu.Unlock()
		}
		cancel()
		time.Sleep(50 * time.Millisecond)
	}
}

// running reads the jobs in flight.
func (d *driver) running(ctx context.Context) ([]job, error) {
	rows, err := d.pool.Query(ctx, `select j.kind, d.name, coalesce('page ' || p.number, ''), j.args::text
		from river.river_job j join palimpsest.document d on d.id = (j.args ->> 'document_id')::uuid
		left join palimpsest.page_run pr on pr.id = (j.args ->> 'page_run_id')::bigint left join palimpsest.page p on p.id = pr.page
		where j.state = 'running' order by 1, 2, p.number`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (j job, err error) {
		return j, row.Scan(&j.kind, &j.document, &j.page, &j.args)
	})
}

// flying are the jobs in flight as last seen.
func (d *driver) flying() []job {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.jobs)
}

// progress is how much of the work is done, 0 to 1.
func (d *driver) progress() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return float64(d.steps) / float64(d.all)
}

// letGo releases documents at the pace of the target that is furthest behind with its events, and another whenever
// nothing is left to do: there is work to disturb until the end.
func (d *driver) letGo(ctx context.Context, events int) {
	documents := d.w.documents
	const first = 3
	for released := 0; released < len(documents) && ctx.Err() == nil; {
		d.mu.Lock()
		due := first + len(documents)*slices.Min(slices.Collect(maps.Values(d.done)))/events
		d.mu.Unlock()
		var n int
		try, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := d.pool.QueryRow(try, "select count(*) from river.river_job where finalized_at is null and scheduled_at < now() + interval '1 hour'").Scan(&n)
		if err == nil && (released < due || n == 0) {
			if _, err = d.pool.Exec(try, letGo, string(documents[released].id)); err == nil {
				released++
			}
		}
		cancel()
		time.Sleep(100 * time.Millisecond)
	}
}

// await waits for a condition, at most so long; it reports whether it came.
func (d *driver) await(most time.Duration, ready func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ready() {
			return true
		}
	}
	return false
}

// send sends a signal to processes; that one has ended meanwhile is no matter.
func send(s syscall.Signal, pids ...int) {
	for _, pid := range pids {
		if pid > 1 { // others mean more than one process
			_ = syscall.Kill(pid, s)
		}
	}
}

// worker kills or freezes one of the workers; its keeper starts it anew.
func (d *driver) worker(e event) string {
	k := d.workers[e.pick%len(d.workers)]
	pid := k.pid()
	if e.action != kill {
		send(syscall.SIGSTOP, pid)
		time.Sleep(e.frozen)
	}
	if e.action == freeze {
		send(syscall.SIGCONT, pid)
		return fmt.Sprintf("%s, %v", k.name, e.frozen)
	}
	send(syscall.SIGKILL, pid)
	d.await(patience, func() bool { return k.pid() != pid })
	return k.name
}

// plugin kills or freezes a plugin of one of the workers.
//
// A page that was there when its plugin died twice is taken to be the reason and is given up, which is right, and would
// be another outcome than in peace. So no page may meet this twice: before the next deadly event all that were in flight
// at the last one must have ended.
func (d *driver) plugin(e event) string {
	var pid int
	var k *keeper
	d.await(time.Minute, func() bool {
		k = d.workers[e.pick%len(d.workers)]
		e.pick++
		plugins := processesOf(k.pid(), "palimpsest-task")
		if len(plugins) > 0 {
			pid = plugins[0]
		}
		return pid != 0
	})
	if e.action == freeze {
		send(syscall.SIGSTOP, pid)
		time.Sleep(e.frozen)
		send(syscall.SIGCONT, pid)
		return fmt.Sprintf("%s, %v", k.name, e.frozen)
	}
	suspects := d.inFlightNow()
	if e.action == kill {
		send(syscall.SIGKILL, pid)
	} else {
		send(syscall.SIGSTOP, pid)
	}
	suspects = append(suspects, d.inFlightNow()...)
	what := k.name
	if e.action == freezeHang && !d.await(3*hangAfter, func() bool { return syscall.Kill(pid, 0) != nil }) {
		// It is noticed by a call that goes to it: late in the load there may be none, and then it does no harm.
		if what += ", to no matter"; d.mine(k) {
			d.t.Errorf("frozen plugin %d of %s was not killed", pid, k.name)
		}
		send(syscall.SIGKILL, pid)
	}
	suspects = append(suspects, d.inFlightNow()...)
	d.await(patience, func() bool { return d.ended(suspects) })
	return what
}

// mine reports whether a worker has had a job in flight that asks a plugin for longer than a plugin may take.
func (d *driver) mine(k *keeper) bool {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	var n int
	err := d.pool.QueryRow(ctx, `select count(*) from river.river_job where state = 'running' and kind in ('read', 'finish')
		and attempted_by[array_upper(attempted_by, 1)] like $1 and attempted_at < now() - $2::interval`,
		fmt.Sprintf("%%-%d-%%", k.pid()), (2 * hangAfter).String()).Scan(&n)
	return err == nil && n > 0
}

// inFlightNow asks the database until it answers.
func (d *driver) inFlightNow() (jobs []job) {
	d.await(patience, func() (ok bool) {
		ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
		defer cancel()
		var err error
		jobs, err = d.running(ctx)
		return err == nil
	})
	return jobs
}

// ended reports whether none of the jobs that ask a plugin is in flight or waits any more.
func (d *driver) ended(jobs []job) bool {
	var args []string
	for _, j := range jobs {
		args = append(args, j.args)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	var n int
	err := d.pool.QueryRow(ctx, "select count(*) from river.river_job where finalized_at is null and kind <> 'ingest' and args::text = any($1)", args).Scan(&n)
	return err == nil && n == 0
}

// postgres kills the server, or one of its processes, which makes it begin anew; or it freezes all of them.
func (d *driver) postgres(e event) string {
	server, _ := d.w.servers()
	pid := server.Pid()
	if e.action == kill && e.pick%3 == 0 {
		if children := processesOf(pid, "postgres"); len(children) > 0 {
			child := children[e.pick%len(children)]
			send(syscall.SIGKILL, child)
			return fmt.Sprintf("process %d of %d", child, pid)
		}
	}
	what := fmt.Sprintf("server %d", pid)
	if e.action != kill {
		send(syscall.SIGSTOP, pid) // first, so that it starts no more
		children := processesOf(pid, "")
		send(syscall.SIGSTOP, children...)
		time.Sleep(e.frozen)
		if e.action == freeze {
			send(syscall.SIGCONT, append(children, pid)...)
			return fmt.Sprintf("%s, %v", what, e.frozen)
		}
	}
	send(syscall.SIGKILL, pid) // its children are left to themselves, frozen or not
	what += fmt.Sprintf(", away %v", e.outage)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = server.Stop(ctx) // it is dead: this gives the folder back
	time.Sleep(e.outage)
	if err := d.w.startPostgres(ctx); err != nil {
		d.t.Errorf("Postgres does not start again: %v", err)
	}
	return what
}

// s3 kills or freezes the S3 server.
func (d *driver) s3(e event) string {
	_, server := d.w.servers()
	what := fmt.Sprintf("server %d", server.Pid())
	if e.action != kill {
		send(syscall.SIGSTOP, server.Pid())
		time.Sleep(e.frozen)
		if e.action == freeze {
			send(syscall.SIGCONT, server.Pid())
			return fmt.Sprintf("%s, %v", what, e.frozen)
		}
	}
	send(syscall.SIGKILL, server.Pid())
	what += fmt.Sprintf(", away %v", e.outage)
	<-server.Done()
	time.Sleep(e.outage)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.w.startS3(ctx, server.Config().Endpoint); err != nil {
		d.t.Errorf("the S3 server does not start again: %v", err)
	}
	return what
}

// stop ends the workers as an operator does.
func (d *driver) stop() {
	for _, k := range d.workers {
		k.stop()
	}
}

// report says what was done, and fails where less was done than was asked for.
func (d *driver) report(kills, freezes int) {
	d.t.Logf("seed %d: in %v, %d events met no job; jobs in flight met: %v", d.seed, time.Since(d.start).Round(time.Second), d.idle, d.inFlight)
	if d.idle > kills+freezes { // a quarter of all
		d.t.Errorf("%d events met no job: they disturbed nothing", d.idle)
	}
	for _, target := range []string{"worker", "plugin", "postgres", "s3"} {
		c := d.counts[target]
		d.t.Logf("  %-8s %2d %s, %2d %s, %2d %s, %2d %s", target, c[kill], kill, c[freeze], freeze, c[freezeKill], freezeKill, c[freezeHang], freezeHang)
		if c[kill] < kills || c[freeze]+c[freezeKill]+c[freezeHang] < freezes {
			d.t.Errorf("%s: %v", target, c)
		}
	}
	for _, k := range d.workers {
		d.t.Logf("  %s was started %d times, %d times because it had found database or object store away", k.name, k.starts, k.exits)
		for _, why := range k.why {
			if !strings.Contains(why, "is not available") {
				d.t.Logf("    once with another word: %s", why)
			}
		}
	}
}

func (d *driver) workersSay() string {
	var all strings.Builder
	for _, k := range d.workers {
		fmt.Fprintf(&all, "%s:\n%s\n", k.name, k.says())
	}
	return all.String()
}

// keeper keeps a worker running, as a service manager does.
type keeper struct {
	w             *world
	name          string
	env           []string
	starts, exits int
	why           []string // last words of those that ended by themselves

	mu       sync.Mutex
	now      *program
	stopping bool
	ended    chan struct{}
}

func keep(t *testing.T, w *world, name string, env ...string) *keeper {
	k := &keeper{w: w, name: name, env: append(env, timeoutEnv+"="+hangAfter.String()), ended: make(chan struct{})}
	started := make(chan error, 1)
	go k.run(started)
	check(t, <-started)
	t.Cleanup(k.stop)
	return k
}

func (k *keeper) run(started chan<- error) {
	defer close(k.ended)
	for {
		p, err := k.w.spawn(storm, k.env, workArguments...)
		k.mu.Lock()
		if k.now = p; err == nil && k.stopping {
			_ = p.cmd.Process.Signal(os.Interrupt)
		}
		k.mu.Unlock()
		if k.starts++; k.starts == 1 {
			started <- err
		}
		if err != nil {
			return
		}
		<-p.done
		k.mu.Lock()
		stopping := k.stopping
		k.mu.Unlock()
		if stopping {
			return
		}
		if !p.killed() { // Postgres or the S3 server was away when it started
			k.exits++
			lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
			k.why = append(k.why, lines[len(lines)-1])
		}
		time.Sleep(time.Second)
	}
}

func (k *keeper) pid() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now.cmd.Process.Pid
}

func (k *keeper) says() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now.out.String()
}

// stop ends the worker and the keeper.
func (k *keeper) stop() {
	k.mu.Lock()
	k.stopping = true
	now := k.now
	k.mu.Unlock()
	_ = now.cmd.Process.Signal(os.Interrupt)
	select {
	case <-k.ended:
	case <-time.After(time.Minute):
		now.kill()
		<-k.ended
	}
}
