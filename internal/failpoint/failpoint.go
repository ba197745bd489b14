// Package failpoint names every boundary between an outside effect and a commit, so that a test can have the process
// die at each of them and see that nothing is lost or doubled. A point is one call where the boundary is:
//
//	failpoint.Here(failpoint.PagesDrawn)
//
// In the program the call reads one variable that is always nil: nothing but a test's main calls Arm, which a test of
// this package makes sure of, and the linker leaves out what nobody calls. There is no switch that an operator, an
// environment or a request could turn by accident.
package failpoint

// Point is the name of a boundary.
type Point string

// The points, in the order a document meets them. What stands before the word "before" has happened, what stands
// behind it has not.
const (
	// In store/blob, met by everything that is stored.
	ObjectWritten  Point = "blob: object written, before its writer knows"
	ObjectRenewing Point = "blob: object found, its lock held, before it is made young"

	// In web.
	UploadStored Point = "upload: bytes stored, before Submit"
	Submitted    Point = "upload: Submit committed, before the answer"

	// In ingest, the first worker.
	IngestBegun  Point = "ingest: BeginIngest committed, before the bytes are fetched"
	SourceKnown  Point = "ingest: SetSource committed, before the first page is drawn"
	RasterStored Point = "ingest: a page's raster stored, before its square"
	PagesDrawn   Point = "ingest: a chunk's objects stored, before AddPages"
	PagesAdded   Point = "ingest: AddPages committed, before the next chunk"
	IngestEnded  Point = "ingest: EndIngest committed, before the queue knows"

	// In ingest, the second worker.
	ReadBegun       Point = "read: BeginRead committed, before the model is asked"
	PageRead        Point = "read: model and task have answered, before artifacts are stored"
	ArtifactsStored Point = "read: artifacts stored, before CommitRead"
	RowsInserted    Point = "read: rows inserted, before their transaction commits"
	ReadCommitted   Point = "read: CommitRead committed, before the queue knows"

	// In ingest, the third worker.
	FinishBegun     Point = "finish: BeginFinish committed, before the tasks are asked"
	WholeStored     Point = "finish: the document's artifacts stored, before they are published"
	FilePublished   Point = "finish: one readable path published, before the others"
	FilesPublished  Point = "finish: all readable paths published, before the manifest"
	FinishPublished Point = "finish: manifest published, before CommitFinish"
	FinishCommitted Point = "finish: CommitFinish committed, before the queue knows"

	// In ingest, whichever worker failed.
	FailureDecided   Point = "failure: decided to be final, before it is committed"
	FailureCommitted Point = "failure: committed, before the queue knows"

	// In ingest, the scan of a source.
	ScanBegun   Point = "scan: BeginScan committed, before the source is listed"
	ScanFetched Point = "scan: an object's content stored, before its step is committed"
	ScanStepped Point = "scan: CommitScanStep committed, before the next object"
	ScanEnded   Point = "scan: EndScan committed, before the queue knows"

	// In store/blob, the sweep.
	SweepListed   Point = "sweep: unnamed objects listed, before the first is locked"
	SweepRemoving Point = "sweep: an object locked and still unnamed, before its removal"
	SweepRemoved  Point = "sweep: an object removed, its lock held"
)

// Points lists every point. A test crashes at each, and fails where one is never reached.
var Points = []Point{
	ObjectWritten, ObjectRenewing,
	UploadStored, Submitted,
	IngestBegun, SourceKnown, RasterStored, PagesDrawn, PagesAdded, IngestEnded,
	ReadBegun, PageRead, ArtifactsStored, RowsInserted, ReadCommitted,
	FinishBegun, WholeStored, FilePublished, FilesPublished, FinishPublished, FinishCommitted,
	FailureDecided, FailureCommitted,
	ScanBegun, ScanFetched, ScanStepped, ScanEnded,
	SweepListed, SweepRemoving, SweepRemoved,
}

// armed is what happens at every point; nil in the program.
var armed func(Point)

// Here says that the process has come to a point.
func Here(p Point) {
	if armed != nil {
		armed(p)
	}
}

// Arm has reached called at every point, from whatever goroutine comes there. Only a test's main may call it, before
// anything else runs.
func Arm(reached func(Point)) { armed = reached }
