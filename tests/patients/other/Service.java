// A small JVM service: keeps every order (leaking) or forgets it.
// java -XX:+UseSerialGC -Xmx256m Service.java PORT
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;

public class Service {
    static final boolean LEAKING = !"fixed".equals(System.getenv("PATIENT_TWIN"));
    static final List<byte[]> history = new ArrayList<>();

    static void answer(HttpExchange e, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.US_ASCII);
        e.getRequestBody().readAllBytes();
        e.sendResponseHeaders(status, body.length);
        e.getResponseBody().write(body);
        e.close();
    }

    static void work(HttpExchange e) throws IOException {
        byte[] order = new byte[8192];
        if (LEAKING) {
            synchronized (history) {
                history.add(order);
            }
        }
        answer(e, 201, "{\"kept\": " + LEAKING + "}");
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 64);
        s.createContext("/work", Service::work);
        s.createContext("/", e -> answer(e, 200, "ok\n"));
        s.setExecutor(Executors.newFixedThreadPool(4));
        s.start();
    }
}
