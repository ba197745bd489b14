package ingest
import ("testing";"path/filepath";"palimpsest.dev/render";"os";"strings")
func TestZZ(t *testing.T){
 for _,dir:=range []string{"cxr","molecules","music","tables"} {
  n,blank,view:=0,0,0
  filepath.Walk("/work/shared/data/"+dir,func(p string,i os.FileInfo,err error) error{
   if err!=nil||i.IsDir()||n>=25 {return nil}
   ext:=strings.ToLower(filepath.Ext(p)); if ext!=".png"&&ext!=".jpg"&&ext!=".jpeg"&&ext!=".tif" {return nil}
   if len(p)%3!=0 && dir!="tables" {return nil}
   d,err:=OpenFile(t.Context(),p,render.Options{InProcess:true}); if err!=nil {return nil}
   pg,err:=d.Page(t.Context(),1); if err!=nil {return nil}
   n++; if pg.Blank {blank++; t.Log(p)}; if render.BlankView(pg.Image) {view++}
   return nil})
  t.Log(dir,n,"pages",blank,"blank",view,"blank views")
 }
}
