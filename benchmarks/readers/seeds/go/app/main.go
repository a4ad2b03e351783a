package main

import "net/http"

const base = "http://stock:8080"

func main() {
	r := gin.Default()
	g := r.Group("/v1")
	g.GET("/items/:id", item)
	http.HandleFunc("GET /a/{id}", func(w http.ResponseWriter, r *http.Request) {
		for i := range x {
			http.Get(fmt.Sprintf("%s/items/%d", base, i))
		}
	})
	sql.Open("pgx", os.Getenv("DB"))
	ch.Publish("x", "order.made", false, false, amqp.Publishing{})
}

func item(c *gin.Context) { client := &http.Client{Timeout: 2 * time.Second}; client.Get(base) }
