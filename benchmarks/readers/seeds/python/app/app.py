import requests
from flask import Flask
app = Flask(__name__)
URL = os.getenv('STOCK_URL', 'http://stock:8080')


@app.route('/orders/<int:id>', methods=['GET', 'POST'])
async def orders(id):
    for x in y:
        r = requests.get(f'{URL}/items/{id}', timeout=(1, 2), **kw)
    if a:
        channel.basic_publish('', 'q', b'')
    return 'a' % b if c else d or 'e'


channel.basic_consume(queue='q', on_message_callback=orders, auto_ack=True)
engine = create_engine('postgresql://u:p@db/o')
stub = x_pb2_grpc.StockStub(grpc.insecure_channel('stock:80'))
