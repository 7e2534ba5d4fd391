// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Tomcat with one servlet, for tests/embedded.

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** Answers "hello" at 127.0.0.1:(-Dport); its folder is the first argument. */
public class TomcatServer {
    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();

        tomcat.setBaseDir(arguments[0]);
        tomcat.setPort(Integer.getInteger("port"));
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(
                context,
                "hello",
                new HttpServlet() {
                    @Override
                    protected void doGet(HttpServletRequest request, HttpServletResponse response)
                            throws IOException {
                        request.getSession().setAttribute("at", System.nanoTime());
                        response.getWriter().print("hello");
                    }
                });
        context.addServletMappingDecoded("/*", "hello");
        tomcat.start();
        System.out.println("ready");
        tomcat.getServer().await();
    }
}
