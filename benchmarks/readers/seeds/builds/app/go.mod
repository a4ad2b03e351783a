module a

require (
	github.com/lib/pq v1.10.0 // indirect
	github.com/gin-gonic/gin v1.9.0
)
